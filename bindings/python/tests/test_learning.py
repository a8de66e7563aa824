"""Training, prediction and evaluation: frames, SQL and another process say the same."""

import subprocess
import sys

import numpy as np
import pytest

import gradframe as gf


def trips(rows=500):
    rng = np.random.default_rng(0)
    distance, region = rng.uniform(1, 10, rows), rng.choice(["EU", "US"], rows)
    fare = 3 + 2 * distance + 5 * (region == "US") + rng.normal(0, 0.1, rows)
    return gf.from_dict({"distance": distance, "region": region, "fare": fare})


def test_linear_regression_finds_the_coefficients():
    model = trips().fit(gf.ml.LinearRegression(), target="fare", name="fare")
    weights = {(w["feature"], w["category"]): w["weight"] for w in model.weights().to_dicts()}
    assert weights["distance", None] == pytest.approx(2, abs=0.02)
    assert weights["region", "US"] - weights["region", "EU"] == pytest.approx(5, abs=0.05)
    assert "fare" in repr(model) and model.name == "fare" and model.model_type == "linear_reg"
    assert model.spec["label"]["name"] == "fare"


def test_frames_and_sql_predict_the_same_bits(tmp_path):
    data = trips()
    data.write_parquet(tmp_path / "t.parquet")
    model = data.fit(gf.ml.LinearRegression(), target="fare", name="fare")
    frame = gf.scan_parquet(tmp_path / "t.parquet").predict(model).select("predicted_fare").collect()
    query = gf.sql(f"SELECT predicted_fare FROM ML.PREDICT(MODEL fare, (SELECT * FROM '{tmp_path}/t.parquet'))").collect()
    by_name = data.predict("fare").select("predicted_fare")
    assert frame.rows() == query.rows() == by_name.rows()


def test_the_same_seed_trains_the_same_bits_whatever_the_threads(tmp_path):
    def weights(threads):
        session = gf.Session(in_memory=True, threads=threads, seed=3)
        model = session.from_arrow(trips().to_arrow()).fit(gf.ml.LinearRegression(l2_reg=0.1), target="fare")
        return model.weights().rows()

    assert weights(1) == weights(2)


def test_evaluate_gives_one_row_of_errors():
    data = trips()
    model = data.fit(gf.ml.LinearRegression(), target="fare")
    row = data.evaluate(model).to_dicts()[0]
    assert row["r2_score"] > 0.99
    predicted = data.predict(model).select("fare", "predicted_fare").to_numpy()
    assert row["mean_squared_error"] == pytest.approx(np.mean((predicted[:, 0] - predicted[:, 1]) ** 2))


def test_logistic_regression_gives_classes_and_probabilities():
    data = trips().with_columns(dear=gf.col("fare") > 15).drop("fare")
    model = data.fit(gf.ml.LogisticRegression(l2_reg=0.01), target="dear")
    row = data.predict(model).to_dicts()[0]
    assert isinstance(row["predicted_dear"], bool)
    assert sum(p["prob"] for p in row["predicted_dear_probs"]) == pytest.approx(1)
    assert data.evaluate(model).to_dicts()[0]["accuracy"] > 0.9


def test_the_training_log_is_a_table():
    model = trips().fit(gf.ml.LinearRegression(), target="fare", name="fare")
    log = model.training_info().to_dicts()
    stored = gf.sql(f"SELECT epoch, value FROM gradframe.metrics WHERE run = '{model.run}' AND name = 'loss' ORDER BY step").collect()
    assert [(r["epoch"], r["loss"]) for r in log] == stored.rows()
    assert gf.table("gradframe.runs").filter(gf.col("run") == model.run).select("status").collect().item() == "finished"


def test_another_process_predicts_the_same_bits(tmp_path):
    home = tmp_path / "shared"
    session = gf.Session(home=home)
    trips().write_parquet(tmp_path / "t.parquet")
    session.scan_parquet(tmp_path / "t.parquet").fit(gf.ml.LinearRegression(), target="fare", name="fare")
    program = (
        "import gradframe as gf, sys\n"
        "s = gf.Session(home=sys.argv[1])\n"
        "p = s.scan_parquet(sys.argv[2]).predict('fare').select('predicted_fare').collect()\n"
        "print(p['predicted_fare'].to_numpy().tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", program, home, tmp_path / "t.parquet"], capture_output=True, text=True, check=True)
    here = session.scan_parquet(tmp_path / "t.parquet").predict("fare").select("predicted_fare").collect()
    assert other.stdout.strip() == here["predicted_fare"].to_numpy().tobytes().hex()


def test_split_and_weight_columns_are_no_features():
    data = trips().with_columns(late=gf.col("distance") > 8, w=gf.col("distance") + 1)
    model = data.fit(gf.ml.LinearRegression(), "fare", split="custom", split_by="late", sample_weight="w")
    assert [f["name"] for f in model.spec["features"]] == ["distance", "region"]
    assert model.spec["options"]["data_split_method"] == "custom"
    with pytest.raises(gf.errors.PlanError, match="between 0 and 1"):
        data.fit(gf.ml.LinearRegression(), "fare", eval_fraction=2.0)


@pytest.mark.parametrize("estimator", [gf.ml.LinearRegression(l2_reg=0.5), gf.ml.LogisticRegression(l2_reg=0.5)])
def test_a_row_of_weight_two_counts_as_two(estimator):
    classes = isinstance(estimator, gf.ml.LogisticRegression)
    rows = [(1.0, 1.0, 1), (2.0, 5.0, 2), (7.0, 2.0, 3), (3.0, 4.0, 1)]
    label = lambda y: str(y > 2) if classes else y  # noqa: E731
    frame = lambda rows: gf.DataFrame({"x": [x for x, *_ in rows], "y": [label(y) for _, y, _ in rows], "w": [w for *_, w in rows]})  # noqa: E731
    weighted = frame(rows).fit(estimator, "y", sample_weight="w")
    repeated = frame([row for row in rows for _ in range(row[2])]).drop("w").fit(estimator, "y")
    column = "predicted_y_probs" if classes else "predicted_y"
    found = [frame(rows).predict(model)[column].to_list() for model in (weighted, repeated)]
    numbers = [[one["prob"] for row in of for one in row] if classes else of for of in found]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-5)


def test_a_scaler_keeps_nan():
    data = gf.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    model = data.fit(gf.ml.LinearRegression(), "y", transform=[gf.ml.min_max_scaler("x"), "y"])
    (low, nan, high) = gf.DataFrame({"x": [-1.0, float("nan"), 9.0]}).transform(model)["x"].to_list()
    assert (low, high) == (0.0, 1.0) and nan != nan
