"""Which rows of a frame are learned from: those of weight 0 are left out, and a label may be the same in all."""

import gradframe as gf
import numpy as np
import pytest

nn = gf.nn


def weighted(weights):
    rng = np.random.default_rng(5)
    x = rng.normal(size=len(weights))
    return gf.DataFrame({"x": x, "k": np.where(x > 0, "p", "n"), "y": 3 * x + rng.normal(size=len(weights)), "w": weights})


@pytest.mark.parametrize(
    "fit",
    [
        lambda frame: frame.fit(gf.ml.LinearRegression(l2_reg=0.5), "y", sample_weight="w"),
        lambda frame: frame.fit(gf.ml.DNNRegressor(hidden_units=[4], max_iterations=2, seed=1), "y", sample_weight="w"),
        lambda frame: frame.select("x", "y", "w").fit(nn.Linear(1, 1, key=gf.random.key(0)), "y", sample_weight="w", loss="mse", epochs=2, seed=1),
    ],
    ids=["linear", "network", "module"],
)
def test_a_row_of_weight_0_is_left_out(fit):
    frame = weighted([0.0, 1.0, 2.0, 0.0, 1.0, 0.5, 0.0, 1.5])
    model, other = fit(frame), fit(frame.filter(gf.col("w") > 0))
    assert frame.predict(model)["predicted_y"].to_list() == frame.predict(other)["predicted_y"].to_list()
    assert model.spec["training"]["rows"] == 5


@pytest.mark.parametrize("weights", [[0.0, 1.0, 2.0, -0.0, 1.0, 0.5, 0.0, 1.5], [0, 1, 2, 0, 1, 3, 0, 1]], ids=["floats", "integers"])
def test_what_a_transform_is_fitted_to_has_weight(weights):
    frame = weighted(weights)
    transform = [gf.ml.standard_scaler("x"), gf.ml.robust_scaler("y").alias("r"), gf.ml.imputer("k", "most_frequent").alias("i"), "y", "w"]
    fit = lambda rows: rows.fit(gf.ml.LinearRegression(l2_reg=0.5), "y", sample_weight="w", transform=transform)  # noqa: E731
    model, other = fit(frame), fit(frame.filter(gf.col("w") > 0))
    assert frame.transform(model).to_dict() == frame.transform(other).to_dict()
    assert frame.predict(model)["predicted_y"].to_list() == frame.predict(other)["predicted_y"].to_list()


def test_a_weight_that_is_fitted_itself_is_taken():
    frame = weighted([0.0, 1.0, 2.0, 0.0, 1.0, 0.5])
    model = frame.fit(gf.ml.LinearRegression(l2_reg=0.5), "y", sample_weight="w", transform=["x", "y", gf.ml.max_abs_scaler("w").alias("w")])
    assert model.spec["training"]["rows"] == 4


def test_whole_numbers_that_no_class_is_are_named():
    large = gf.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "c": gf.Series([0, 2**64 - 2, 0, 2**64 - 2], dtype=gf.UInt64)})
    with pytest.raises(gf.errors.DTypeError, match="the label is 18446744073709551614 in a row"):
        large.fit(gf.ml.LogisticRegression(l2_reg=0.1), "c")
    small = gf.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "c": gf.Series([0, 1, 0, 1], dtype=gf.UInt64)})
    model = small.fit(gf.ml.LogisticRegression(l2_reg=0.1), "c")
    assert large.evaluate(model)["accuracy"].item() <= 0.5
    with pytest.raises(gf.errors.PlanError, match="^ml.evaluate: the model keeps no evaluation"):
        model.evaluation()


@pytest.mark.parametrize("seed", [-1, 1.5, "a", 2**64])
def test_a_seed_that_is_none_is_named(seed):
    with pytest.raises(gf.errors.PlanError, match="fit: seed: expected a whole number from 0 to 18446744073709551615, got "):
        weighted([1.0, 2.0, 3.0]).fit(gf.ml.LinearRegression(seed=seed), "y")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.0, 0.0, 0.0], "sample weight `w` is 0 in all 3 rows"),
        ([1.0, -1.0, 0.0], "sample weight `w` is -1 in a row"),
        ([1.0, float("nan"), 0.0], "sample weight `w` is NaN in a row"),
        ([1.0, None, 0.0], "sample weight `w` is null in a row"),
    ],
)
def test_weights_that_say_nothing_are_named(weights, message):
    with pytest.raises(gf.errors.ExecutionError, match=message):
        weighted(weights).fit(gf.ml.LinearRegression(), "y", sample_weight="w")


def test_a_label_that_is_the_same_in_every_row_is_learned_by_a_loss_of_ones_own():
    rows = {"x": [1.0, 2.0, 3.0], "y": [0.0, 0.0, 0.0]}
    net = nn.Linear(1, 1, key=gf.random.key(0))
    loss = lambda o, t: (o - 7.0) ** 2  # noqa: E731
    model = gf.DataFrame(rows).fit(net, "y", loss=loss, optimizer="adam", learning_rate=0.1, epochs=400)
    np.testing.assert_allclose(gf.DataFrame(rows).predict(model)["predicted_y"].to_numpy(), 7.0, atol=0.1)
    single = {name: values[:1] for name, values in rows.items()}
    model = gf.DataFrame(single).fit(net, "y", loss="mse", epochs=1)
    assert gf.DataFrame(single).predict(model).height == 1
    with pytest.raises(gf.errors.ExecutionError, match="has the same value in every row"):
        gf.DataFrame(rows).fit(gf.ml.LinearRegression(), "y")
