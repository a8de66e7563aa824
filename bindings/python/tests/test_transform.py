"""TRANSFORM from frames: the same numbers as scikit-learn, the same bits at training and prediction."""

import json
import subprocess
import sys

import numpy as np
import pytest

import gradframe as gf

preprocessing = pytest.importorskip("sklearn.preprocessing")


def numbers(rows=1000):
    rng = np.random.default_rng(7)
    x = np.round(rng.normal(50, 12, rows), 3)
    return gf.from_dict({"x": x, "y": 2 * x + rng.normal(0, 1, rows)}), x.reshape(-1, 1)


def made(data, expr):
    """The values that a transform makes of the training rows."""
    model = data.fit(gf.ml.LinearRegression(l2_reg=0.1), "y", transform={"made": expr, "y": gf.col("y")})
    return data.transform(model)["made"].to_numpy()


@pytest.mark.parametrize(
    ("expr", "peer"),
    [
        (gf.ml.standard_scaler("x"), preprocessing.StandardScaler()),
        (gf.ml.min_max_scaler("x"), preprocessing.MinMaxScaler()),
        (gf.ml.max_abs_scaler("x"), preprocessing.MaxAbsScaler()),
        (gf.ml.robust_scaler("x"), preprocessing.RobustScaler()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalers_equal_scikit_learns(expr, peer):
    data, x = numbers()
    np.testing.assert_allclose(made(data, expr), peer.fit_transform(x)[:, 0], rtol=1e-12, atol=1e-13)


def test_quantile_buckets_equal_scikit_learns():
    data, x = numbers()
    edges = np.percentile(x[:, 0], np.linspace(0, 100, 6))
    buckets = [int(name.removeprefix("bin_")) for name in made(data, gf.ml.quantile_bucketize("x", 5))]
    np.testing.assert_array_equal(buckets, np.searchsorted(edges[1:-1], x[:, 0], side="right") + 1)


def test_expressions_of_analytic_results_and_analytic_functions_of_expressions():
    data, x = numbers()
    expr = gf.ml.standard_scaler((gf.col("x") + 1) * 2) ** 2 + 1
    scaled = (x[:, 0] - x[:, 0].mean()) / x[:, 0].std()
    np.testing.assert_allclose(made(data, expr), scaled**2 + 1, rtol=1e-10)


def test_imputers_encoders_and_buckets():
    data = gf.from_dict({"s": ["b", None, "a", "b"], "x": [1.0, None, 3.0, 8.0], "y": [1.0, 2.0, 3.0, 4.5]})
    exprs = {
        "mean": gf.ml.imputer("x", "mean"),
        "median": gf.ml.imputer("x", "median"),
        "word": gf.ml.imputer("s", "most_frequent"),
        "label": gf.ml.label_encoder("s"),
        "hot": gf.ml.one_hot_encoder("s"),
        "bucket": gf.ml.bucketize("x", [2, 5]),
        "cross": gf.ml.feature_cross("s", gf.ml.bucketize("x", [2])),
        "y": gf.col("y"),
    }
    model = data.fit(gf.ml.LinearRegression(l2_reg=0.1), "y", transform=exprs)
    rows = data.transform(model).to_dict()
    assert rows["mean"] == [1, 4, 3, 8] and rows["median"] == [1, 3, 3, 8]
    assert rows["word"] == ["b", "b", "a", "b"] and rows["label"] == [2, 0, 1, 2]
    assert rows["hot"] == ["b", None, "a", "b"]
    assert rows["bucket"] == ["bin_1", None, "bin_2", "bin_3"]
    assert rows["cross"] == ["b_bin_1", None, "a_bin_2", "b_bin_2"]


def test_constants_are_the_same_bits_whatever_the_threads_and_the_batch_size(tmp_path):
    data, _ = numbers(5000)
    data.write_parquet(tmp_path / "t.parquet")
    transform = [gf.ml.standard_scaler("x"), gf.ml.robust_scaler("x").alias("r"), "y"]

    def spec(**settings):
        session = gf.Session(in_memory=True, seed=1, **settings)
        frame = session.scan_parquet(tmp_path / "t.parquet")
        return json.dumps(frame.fit(gf.ml.LinearRegression(), "y", transform=transform).spec["transform"])

    assert spec(threads=1) == spec(threads=3) == spec(threads=2, batch_size_rows=17)


def test_a_frame_s_transform_is_readable_and_serves_in_another_process(tmp_path):
    data, _ = numbers()
    data.write_parquet(tmp_path / "t.parquet")
    session = gf.Session(home=tmp_path / "home")
    frame = session.scan_parquet(tmp_path / "t.parquet")
    model = frame.fit(gf.ml.LinearRegression(), "y", name="m", transform=[gf.ml.standard_scaler("x"), "y"])
    item = model.spec["transform"]["items"][0]
    assert item["sql"] == 'ML.STANDARD_SCALER("x") OVER () AS "x"'
    assert item["fitted"][0]["function"] == "standard_scaler"
    program = (
        "import gradframe as gf, sys\n"
        "s = gf.Session(home=sys.argv[1])\n"
        "p = s.scan_parquet(sys.argv[2]).predict('m').select('predicted_y').collect()\n"
        "print(p['predicted_y'].to_numpy().tobytes().hex())"
    )
    home, path = tmp_path / "home", tmp_path / "t.parquet"
    other = subprocess.run([sys.executable, "-c", program, home, path], capture_output=True, text=True, check=True)
    here = frame.predict(model).select("predicted_y").collect()["predicted_y"].to_numpy()
    assert other.stdout.strip() == here.tobytes().hex()


def test_train_and_serve_are_equal_to_the_bit():
    data, _ = numbers()
    exprs = {"z": gf.ml.standard_scaler("x"), "b": gf.ml.quantile_bucketize("x", 7), "y": gf.col("y")}
    model = data.fit(gf.ml.LinearRegression(l2_reg=0.01), "y", transform=exprs)
    transformed = data.transform(model)
    by_hand = transformed.fit(gf.ml.LinearRegression(l2_reg=0.01), "y")
    assert model.weights().rows() == by_hand.weights().rows()
    served = data.predict(model)["predicted_y"].to_numpy()
    assert served.tobytes() == transformed.predict(by_hand)["predicted_y"].to_numpy().tobytes()


def test_feature_info_describes_the_raw_columns():
    data, x = numbers()
    row = data.fit(gf.ml.LinearRegression(), "y", transform=[gf.ml.standard_scaler("x"), "y"]).feature_info().to_dicts()[0]
    assert (row["input"], row["min"], row["max"], row["null_count"]) == ("x", x.min(), x.max(), 0)
    assert row["median"] == pytest.approx(np.median(x), rel=1e-12) and row["stddev"] == pytest.approx(x.std(), rel=1e-12)


def test_what_cannot_be_fitted_says_so():
    data = gf.from_dict({"s": ["a", "b"], "x": [1.0, float("nan")], "y": [1.0, 2.0]})
    fit = lambda *exprs: data.fit(gf.ml.LinearRegression(), "y", transform=[*exprs, "y"])  # noqa: E731
    with pytest.raises(gf.errors.DTypeError, match="expected a number"):
        fit(gf.ml.standard_scaler("s"))
    with pytest.raises(gf.errors.ExecutionError, match="meets NaN"):
        fit(gf.ml.standard_scaler("x"))
    with pytest.raises(gf.errors.PlanError, match="did you mean `mean`"):
        fit(gf.ml.imputer("x", "meen"))
    with pytest.raises(gf.errors.PlanError, match="does not pass on `y`"):
        data.fit(gf.ml.LinearRegression(), "y", transform=["x"])
    with pytest.raises(gf.errors.PlanError, match="has no TRANSFORM"):
        rows = gf.from_dict({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0]})
        rows.transform(rows.fit(gf.ml.LinearRegression(), "y"))


def test_a_model_keeps_its_evaluation():
    data = gf.from_dict({"x": [float(i) for i in range(40)], "y": [2.0 * i for i in range(40)]})
    kept = data.fit(gf.ml.LinearRegression(), "y", split="random", eval_fraction=0.25).evaluation().to_dicts()[0]
    assert kept["r2_score"] > 0.999
    with pytest.raises(gf.errors.PlanError, match="evaluation"):
        data.fit(gf.ml.LinearRegression(), "y").evaluation()


def test_a_transform_takes_what_looks_at_its_own_row():
    data, x = numbers()
    np.testing.assert_allclose(made(data, gf.col("x") // 7 + gf.col("x") % 7), x[:, 0] // 7 + x[:, 0] % 7, rtol=1e-12)
    model = data.fit(gf.ml.LinearRegression(l2_reg=0.1), "y", transform=[gf.selectors.numeric() * 2])
    assert data.transform(model).columns == ["x", "y"]
    for expr in (gf.col("x") / gf.col("x").sum(), gf.col("x").shift(1)):
        with pytest.raises(gf.errors.PlanError, match="transform: `x` looks at more than its own row"):
            data.fit(gf.ml.LinearRegression(), "y", transform=[expr, "y"])
    assert made(data, gf.col("x").cast(gf.String).str.strip_prefix("5").cast(gf.Float64)).shape == (1000,)
    with pytest.raises(gf.errors.PlanError, match="did you mean `x`"):
        data.fit(gf.ml.LinearRegression(), "y", transform=[gf.col("xx"), "y"])
