"""Networks on real tables: each beats the linear model of the same features, with fixed seeds."""

import pytest

import gradframe as gf

from .outside import folder
from .test_real_tables import ADULT_COLUMNS


@pytest.fixture
def session():
    return gf.Session(in_memory=True, seed=1)


def metrics(frame, model) -> dict:
    return frame.evaluate(model).collect().to_dicts()[0]


def test_income_of_adults_by_accuracy(session):
    home = folder("tables/adult") / "data"
    names = ", ".join(f"column_{i + 1} AS {name}" for i, name in enumerate(ADULT_COLUMNS))
    train = session.sql(
        f"SELECT {names} FROM read_csv('{home}/adult.data', header => false, null_value => '?', trim => true)"
    )
    test = session.scan_csv(home / "adult.test", null_values="?", trim=True)
    test = test.rename(dict(zip(test.columns, ADULT_COLUMNS)))
    test = test.with_columns(income=gf.when(gf.col("income") == ">50K.").then(gf.lit(">50K")).otherwise(gf.lit("<=50K")))
    linear = train.fit(gf.ml.LogisticRegression(l2_reg=1e-4), target="income")
    network = train.fit(
        gf.ml.DNNClassifier(dropout=0.2, learning_rate=0.002, learn_rate_schedule="cosine", max_iterations=15), target="income"
    )
    linear, network = metrics(test, linear), metrics(test, network)
    assert network["accuracy"] > linear["accuracy"], (network, linear)
    assert network["roc_auc"] > linear["roc_auc"], (network, linear)


def test_value_of_houses_by_error(session):
    home = folder("tables/handson_ml2")
    query = f"""
        SELECT * FROM '{home}/datasets/housing/housing.csv'
        WHERE CAST(round(abs(longitude) * 100) AS BIGINT) % 5 """
    train, test = session.sql(query + "<> 0"), session.sql(query + "= 0")
    linear = train.fit(gf.ml.LinearRegression(l2_reg=1e-3), target="median_house_value")
    network = train.fit(gf.ml.DNNRegressor(learning_rate=0.003, batch_size=128, max_iterations=30), target="median_house_value")
    linear, network = metrics(test, linear), metrics(test, network)
    assert network["mean_squared_error"] < 0.9 * linear["mean_squared_error"], (network, linear)


def test_arrival_delay_of_flights_by_error(session):
    home = folder("tables/nycflights13")
    query = f"""
        SELECT arr_delay, dep_delay, month, day, hour, carrier, origin, dest, distance, air_time
        FROM '{home}/flights.parquet' WHERE arr_delay IS NOT NULL AND day % 5 """
    train, test = session.sql(query + "<> 0"), session.sql(query + "= 0")
    linear = train.fit(gf.ml.LinearRegression(l2_reg=1e-4), target="arr_delay")
    network = train.fit(gf.ml.DNNRegressor(batch_size=1024, learning_rate=0.003, max_iterations=8), target="arr_delay")
    linear, network = metrics(test, linear), metrics(test, network)
    assert network["mean_squared_error"] < linear["mean_squared_error"], (network, linear)
