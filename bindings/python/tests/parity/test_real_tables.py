"""Test error on real tables: within 0.1 % of scikit-learn's, given the same matrix, penalty and split."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

import gradframe as gf

from .encoding import encode
from .outside import folder

TOLERANCE = 1e-3

ADULT_COLUMNS = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain "
    "capital_loss hours_per_week native_country income"
).split()


def plain(table: pa.Table) -> pa.Table:
    """The table with plain strings, whatever views the reader made."""
    strings = [pa.string() if "string" in str(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema([field.with_type(kind) for field, kind in zip(table.schema, strings)]))


def compare_regression(session, train_query, test_query, label, l2_reg):
    train, test = session.sql(train_query), session.sql(test_query)
    model = train.fit(gf.ml.LinearRegression(l2_reg=l2_reg), target=label)
    predicted = test.predict(model).select(label, f"predicted_{label}").collect().to_arrow()
    ours = rmse(predicted[label], predicted[f"predicted_{label}"])

    train_rows, test_rows = plain(train.collect().to_arrow()), plain(test.collect().to_arrow())
    train_matrix, test_matrix = encode(train_rows, test_rows, label)
    oracle = Ridge(alpha=l2_reg * train_rows.num_rows, solver="sparse_cg", tol=1e-12, max_iter=10_000)
    oracle.fit(train_matrix, train_rows[label].to_numpy().astype(float))
    theirs = rmse(test_rows[label], oracle.predict(test_matrix))
    assert ours == pytest.approx(theirs, rel=TOLERANCE)
    evaluated = test.evaluate(model).collect().to_arrow()["mean_squared_error"][0].as_py()
    assert np.sqrt(evaluated) == pytest.approx(ours, rel=1e-9)


def rmse(truth, predicted) -> float:
    return float(np.sqrt(np.mean((np.asarray(truth, dtype=float) - np.asarray(predicted, dtype=float)) ** 2)))


def test_arrival_delay_of_flights_with_weather_and_planes(session):
    home = folder("tables/nycflights13")
    query = f"""
        SELECT f.arr_delay, f.dep_delay, f.month, f.hour, f.carrier, f.origin, f.dest, f.distance,
               w.temp, w.humid, w.wind_speed, w.precip, w.visib, p.year AS built, p.engine, p.seats
        FROM '{home}/flights.parquet' f
        LEFT JOIN read_csv('{home}/data-raw/weather.csv', null_value => 'NA') w
          ON w.origin = f.origin AND w.month = f.month AND w.day = f.day AND w.hour = f.hour
        LEFT JOIN read_csv('{home}/data-raw/planes.csv', null_value => 'NA') p ON p.tailnum = f.tailnum
        WHERE f.arr_delay IS NOT NULL AND f.day % 5 """
    compare_regression(session, query + "<> 0", query + "= 0", "arr_delay", l2_reg=1e-4)


def test_value_of_houses(session):
    home = folder("tables/handson_ml2")
    query = f"""
        SELECT * FROM '{home}/datasets/housing/housing.csv'
        WHERE CAST(round(abs(longitude) * 100) AS BIGINT) % 5 """
    compare_regression(session, query + "<> 0", query + "= 0", "median_house_value", l2_reg=1e-3)


def test_income_of_adults(session):
    home, l2_reg = folder("tables/adult") / "data", 1e-4
    names = ", ".join(f"column_{i + 1} AS {name}" for i, name in enumerate(ADULT_COLUMNS))
    train = session.sql(
        f"SELECT {names} FROM read_csv('{home}/adult.data', header => false, null_value => '?', trim => true)"
    )
    # The test file has a header and ends its classes with a full stop.
    test = session.scan_csv(home / "adult.test", null_values="?", trim=True)
    test = test.rename(dict(zip(test.columns, ADULT_COLUMNS)))
    model = train.fit(gf.ml.LogisticRegression(l2_reg=l2_reg), target="income")
    # One result for both sides: two scans in parallel may give their rows in different orders.
    predicted = test.predict(model).collect().to_arrow()
    held_out = plain(predicted.select(ADULT_COLUMNS))
    truth = np.array([income.rstrip(".") for income in held_out["income"].to_pylist()])
    chance = [{c["label"]: c["prob"] for c in row} for row in predicted["predicted_income_probs"].to_pylist()]
    ours = np.array([[row["<=50K"], row[">50K"]] for row in chance])

    rows = plain(train.collect().to_arrow())
    train_matrix, test_matrix = encode(rows, held_out, "income")
    oracle = LogisticRegression(C=1 / (rows.num_rows * l2_reg), tol=1e-10, max_iter=10_000)
    oracle.fit(train_matrix, np.array(rows["income"].to_pylist()))
    theirs = oracle.predict_proba(test_matrix)
    assert list(oracle.classes_) == ["<=50K", ">50K"]

    assert log_loss(truth, ours) == pytest.approx(log_loss(truth, theirs), rel=TOLERANCE)
    classes = np.array(["<=50K", ">50K"])
    our_error = np.mean(np.array(predicted["predicted_income"].to_pylist()) != truth)
    assert our_error == pytest.approx(np.mean(classes[theirs.argmax(axis=1)] != truth), rel=TOLERANCE)
