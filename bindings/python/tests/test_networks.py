"""Networks from Python: options, bits, errors."""

import numpy as np
import pytest

import gradframe as gf


def waves(rows=600):
    rng = np.random.default_rng(0)
    a, kind = rng.uniform(-1, 1, rows), rng.choice(["up", "down"], rows)
    y = 100 * np.sin(3 * a) * np.where(kind == "up", 1, -1) + 1000
    return gf.from_dict({"a": a, "kind": kind, "y": y})


def regressor(**options):
    options = dict(hidden_units=[32, 16], activation_fn="tanh", learning_rate=0.02, batch_size=32, max_iterations=40) | options
    return gf.ml.DNNRegressor(**options)


def test_a_network_learns_what_no_linear_model_does():
    data = waves()
    linear = data.evaluate(data.fit(gf.ml.LinearRegression(), target="y")).to_dicts()[0]
    model = data.fit(regressor(early_stop=False), target="y")
    network = data.evaluate(model).to_dicts()[0]
    assert linear["r2_score"] < 0.3 and network["r2_score"] > 0.97
    assert model.model_type == "dnn_regressor" and model.spec["options"]["hidden_units"] == [32, 16]
    log = model.training_info().to_dicts()
    assert len(log) == 40 and log[0]["epoch"] == 1 and log[-1]["learning_rate"] == 0.02
    assert len(model.weights().to_dicts()) == 32 * 3 + 32 + 32 * 16 + 16 + 16 + 1


def test_the_same_seed_trains_the_same_bits_whatever_the_threads():
    def weights(threads):
        session = gf.Session(in_memory=True, threads=threads, seed=3)
        model = session.from_arrow(waves().to_arrow()).fit(regressor(max_iterations=3, dropout=0.2), target="y")
        return model.weights().rows()

    assert weights(1) == weights(2)


def test_a_classifier_takes_class_weights_as_a_dictionary():
    data = waves().with_columns(high=gf.col("y") > 1090).drop("y")
    options = dict(hidden_units=(16,), learning_rate=0.02, batch_size=32, max_iterations=20, early_stop=False)
    plain = data.fit(gf.ml.DNNClassifier(**options), target="high")
    heavy = data.fit(gf.ml.DNNClassifier(**options, class_weights={True: 20.0}), target="high")
    recall = [data.evaluate(model).to_dicts()[0]["recall"] for model in (plain, heavy)]
    assert recall[1] >= recall[0] and recall[1] > 0.95
    with pytest.raises(gf.errors.PlanError, match="names the class `maybe`"):
        data.fit(gf.ml.DNNClassifier(class_weights={"maybe": 2.0}), target="high")


def test_wrong_options_are_told_what_is_right():
    with pytest.raises(gf.errors.PlanError, match="did you mean `gelu`"):
        waves().fit(regressor(activation_fn="gelo"), target="y")
    with pytest.raises(gf.errors.PlanError, match="expected 1 or more"):
        waves().fit(regressor(hidden_units=[0]), target="y")


def test_a_diverging_loss_names_epoch_and_step():
    with pytest.raises(gf.errors.ExecutionError, match=r"in epoch 1, step \d+"):
        waves().fit(regressor(optimizer="sgd", learning_rate=1e30), target="y")
