"""A user's own module in the plan: traced, trained by Train, stored, predicted without Python."""

import itertools
import os
import signal
import subprocess
import sys
import time

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pyarrow as pa
import pytest

nn, F = gf.nn, gf.nn.functional


def points(rows=600):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2)).astype("float32")
    y = np.tanh(x[:, 0] - 2 * x[:, 1]) + 0.1 * x[:, 0]
    columns = {"a": x[:, 0], "b": x[:, 1], "y": y, "kind": np.where(y > 0.5, "high", np.where(y < -0.5, "low", "mid"))}
    return gf.DataFrame(columns)


class Net(nn.Module):
    def __init__(self, outputs=1, seed=0):
        super().__init__()
        one, two = gf.random.split(gf.random.key(seed))
        self.hidden, self.out = nn.Linear(2, 16, key=one), nn.Linear(16, outputs, key=two)

    def forward(self, x):
        return self.out(F.relu(self.hidden(x)))


def numbers(frame=None):
    return (frame if frame is not None else points()).select("a", "b", "y")


def predicted(model, frame):
    return frame.predict(model)["predicted_y"].to_numpy()


def test_a_module_learns_in_the_plan_and_takes_over_what_was_learned():
    net, frame = Net(), numbers()
    model = frame.fit(net, "y", loss=nn.MSELoss(), optimizer=gf.optim.Adam(net.parameters(), lr=0.02), epochs=30, batch_size=64)
    log = model.training_info()
    assert log.height == 30
    assert log["loss"][-1] < 0.01 < log["loss"][0]
    eager = net(gnp.asarray(frame.select("a", "b").to_numpy().astype("float32"))).numpy()[:, 0]
    np.testing.assert_allclose(predicted(model, frame), eager, rtol=1e-5, atol=1e-6)
    assert sorted(model.state_dict()) == ["hidden.bias", "hidden.weight", "out.bias", "out.weight"]


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (gf.optim.AdamW, {"weight_decay": 0.1}), (gf.optim.Adam, {"amsgrad": True, "weight_decay": 0.1}),
        (gf.optim.SGD, {"momentum": 0.9, "dampening": 0.5}), (gf.optim.RMSprop, {"centered": True, "momentum": 0.5}),
        (gf.optim.Adagrad, {"lr_decay": 0.1}), (gf.optim.Adadelta, {"weight_decay": 0.1}), (gf.optim.Adamax, {}),
        (gf.optim.NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}), (gf.optim.RAdam, {"betas": (0.9, 0.9)}),
        (gf.optim.ASGD, {"lambd": 0.1, "t0": 3.0}), (gf.optim.Rprop, {"etas": (0.6, 1.3), "step_sizes": (1e-5, 0.1)}),
    ],
)
def test_the_plan_takes_the_steps_of_an_eager_loop(rule, options):
    """The whole set is one batch, so that the order of rows is of no account."""
    frame = numbers(points(100))
    x = gnp.asarray(frame.select("a", "b").to_numpy().astype("float32"))
    y = gnp.asarray(frame["y"].to_numpy().astype("float32").reshape(-1, 1))
    eager, planned = Net(), Net()
    optimizer = rule(eager.parameters(), lr=0.01, **options)
    for _ in range(20):
        loss = F.mse_loss(eager(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    same = rule(planned.parameters(), lr=0.01, **options)
    frame.fit(planned, "y", loss=F.mse_loss, optimizer=same, epochs=20, batch_size=100)
    for (name, a), (_, b) in zip(eager.named_parameters(), planned.named_parameters(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-5, err_msg=name)


class Steps(nn.Module):
    """A cell over the columns, three steps of four."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.LSTMCell(4, 3), nn.Linear(3, 1)

    def forward(self, x):
        state = None
        for step in range(3):
            state = self.cell(x[:, 4 * step : 4 * step + 4], state)
        return self.out(state[0])


class Attended(nn.Module):
    """Attention over three places, whose weights are looked at too."""

    def __init__(self):
        super().__init__()
        self.attention, self.out = nn.MultiheadAttention(4, 2, batch_first=True, dropout=0.1), nn.Linear(12, 1)

    def forward(self, x):
        x = x.reshape(-1, 3, 4)
        seen, weights = self.attention(x, x, x, need_weights=True)
        return self.out(seen.reshape(-1, 12)) + weights.sum((1, 2))[:, None]


class Recurrent(nn.Module):
    """Layers over three steps of four columns."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.LSTM(4, 3, batch_first=True), nn.GRU(3, 2, batch_first=True), nn.Linear(2, 1)

    def forward(self, x):
        return self.out(self.two(self.one(x.reshape(-1, 3, 4))[0])[1][0])


class Added(nn.Module):
    """New arrays of as many rows as there are."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(12, 1)

    def forward(self, x):
        return self.out(x) + gnp.zeros_like(x)[:, :1] + gnp.ones((x.shape[0], 1)) * gnp.full((x.shape[0], 1), 2.0)


def encoder(dropout):
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=dropout), 2)


#: Modules of twelve columns.
PLANNED = {
    "a convolution of three axes": lambda: [nn.Unflatten(1, (1, 2, 2, 3)), nn.Conv3d(1, 2, 2), nn.Flatten(), nn.Linear(4, 1)],
    "adaptive pools": lambda: [nn.Unflatten(1, (2, 6)), nn.AdaptiveAvgPool1d(4), nn.AdaptiveMaxPool1d(3), nn.Flatten(), nn.Linear(6, 1)],
    "pools beyond the end": lambda: [
        nn.Unflatten(1, (1, 3, 4)), nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(2, 1, 1, count_include_pad=False), nn.Flatten(), nn.Linear(9, 1),
    ],
    "items standardised": lambda: [nn.Unflatten(1, (2, 6)), nn.InstanceNorm1d(2, track_running_stats=True), nn.Flatten(), nn.Linear(12, 1)],
    "batches of images": lambda: [nn.Unflatten(1, (2, 2, 3)), nn.BatchNorm2d(2, momentum=None), nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(12, 1)],
    "an encoder": lambda: [nn.Unflatten(1, (3, 4)), encoder(0.1), nn.Flatten(), nn.Linear(12, 1)],
    "other sizes": lambda: [
        nn.Unflatten(1, (1, 3, 4)), nn.Upsample(scale_factor=2, mode="bilinear"), nn.PixelUnshuffle(2), nn.ReflectionPad2d(1), nn.Flatten(),
        nn.Linear(120, 1),
    ],
    "noise": lambda: [nn.Unflatten(1, (3, 4)), nn.LocalResponseNorm(2), nn.AlphaDropout(0.1), nn.RReLU(), nn.Flatten(), nn.Linear(12, 1)],
    "cells": lambda: [Steps()],
    "attention": lambda: [Attended()],
    "recurrent layers": lambda: [Recurrent()],
    "new arrays": lambda: [Added()],
}


@pytest.mark.parametrize("name", PLANNED)
def test_layers_of_all_kinds_learn_in_the_plan_and_predict_there_as_here(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 12)).astype("float32")
    frame = gf.DataFrame({**{f"x{i}": x[:, i] for i in range(12)}, "y": x.sum(1)})
    gf.random.seed(0)
    module = nn.Sequential(*PLANNED[name]())
    model = frame.fit(module, "y", loss="mse", optimizer="adam", epochs=3, batch_size=16)
    np.testing.assert_allclose(predicted(model, frame), module.eval()(x).numpy()[:, 0], rtol=1e-4, atol=1e-5)
    assert predicted(model, frame.head(5)).shape == (5,)


def test_mixed_precision_learns_as_float32_does_and_predicts_as_it_learned():
    frame, losses, nets = numbers(), {}, {}
    for precision in (None, "bf16"):
        net = nets[precision] = Net()
        model = frame.fit(net, "y", loss="mse", optimizer="adam", learning_rate=0.02, epochs=30, batch_size=64, precision=precision)
        losses[precision] = model.training_info()["loss"].to_numpy()
        assert {p.dtype for p in net.parameters()} == {gnp.float32}
    assert not np.array_equal(losses[None], losses["bf16"])
    np.testing.assert_allclose(losses["bf16"], losses[None], rtol=0.15, atol=2e-3)
    with gf.autocast():
        eager = nets["bf16"](gnp.asarray(frame.select("a", "b").to_numpy().astype("float32"))).numpy()[:, 0]
    np.testing.assert_allclose(predicted(model, frame), eager, rtol=1e-5, atol=1e-6)
    told = gf.sql(f"SELECT value FROM gradframe.params WHERE run = '{model.run}' AND name = 'precision'").collect()
    assert told["value"].to_list() == ['"bfloat16"']


def test_threads_and_batches_of_the_plan_change_no_bit(tmp_path):
    seen = []
    for threads, batch in ((1, 100), (4, 8192)):
        session = gf.Session(home=tmp_path / f"{threads}", threads=threads, batch_size_rows=batch, seed=5)
        frame = session.from_arrow(numbers().to_arrow())
        net = Net()
        model = frame.fit(net, "y", loss="mse", epochs=3, batch_size=50, name="m")
        seen.append((np.asarray(model.training_info()["loss"]), net.hidden.weight.numpy().copy(), predicted("m", frame)))
    for a, b in zip(*seen, strict=True):
        assert np.array_equal(a, b)


def trained(session, epochs, **options):
    """A training of some seconds: its module and its model."""
    net = Net()
    optimizer = gf.optim.AdamW(net.parameters(), lr=0.01)
    frame = session.from_arrow(numbers().to_arrow())
    return net, frame.fit(net, "y", loss="mse", optimizer=optimizer, epochs=epochs, batch_size=8, seed=3, name="m", **options)


def test_a_killed_training_goes_on_to_the_bits_that_it_would_have_ended_with(tmp_path):
    home, epochs = tmp_path / "killed", 300
    program = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_fit_module as t, gradframe as gf; "
    program += f"t.trained(gf.Session(home={str(home)!r}), {epochs})"
    child = subprocess.Popen([sys.executable, "-c", program])
    watching = gf.Session(home=home)
    while (watching.sql("SELECT max(epoch) FROM gradframe.metrics").collect()[0, 0] or 0) < 3:
        assert child.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    session = gf.Session(home=home)
    ((run, status),) = session.sql("SELECT run, status FROM gradframe.runs").collect().rows()
    assert status == "failed"
    with pytest.raises(gf.errors.ExecutionError, match="had other rows, options or another seed"):
        trained(session, epochs + 1, resume=run)
    net, model = trained(session, epochs, resume=run[:8])
    whole, other = trained(gf.Session(home=tmp_path / "whole"), epochs)
    for name, values in whole.state_dict().items():
        np.testing.assert_array_equal(net.state_dict()[name].numpy(), values.numpy(), err_msg=name)
    assert model.run == run
    losses = "SELECT epoch, value FROM gradframe.metrics WHERE name = 'loss' ORDER BY epoch"
    assert session.sql(losses).collect().rows() == gf.Session(home=tmp_path / "whole").sql(losses).collect().rows()
    assert other.run != run
    with pytest.raises(gf.errors.PlanError, match="has finished"):
        trained(session, epochs, resume=run)
    with pytest.raises(gf.errors.PlanError, match="nothing"):
        trained(session, epochs, resume="nothing")


@pytest.mark.parametrize("loss", ["cross_entropy", None, nn.CrossEntropyLoss(), lambda o, t: F.cross_entropy(o, t).mean()])
def test_classes_are_learned_from_scores(loss):
    frame = points().select("a", "b", "kind")
    net = Net(outputs=3)
    model = frame.fit(net, "kind", loss=loss, learning_rate=0.02, epochs=30, batch_size=64)
    assert model.model_type == "module_classifier"
    assert frame.evaluate(model)["accuracy"][0] > 0.93
    out = frame.predict(model)
    assert set(out["predicted_kind"].to_list()) <= {"high", "low", "mid"}
    best = out["predicted_kind_probs"].to_list()[0]
    assert abs(sum(p["prob"] for p in best) - 1) < 1e-6


def test_one_score_tells_two_classes():
    frame = points().select("a", "b", up=gf.col("y") > 0)
    model = frame.fit(Net(), "up", learning_rate=0.02, epochs=30, batch_size=64)
    assert frame.evaluate(model)["accuracy"][0] > 0.95
    assert frame.predict(model)["predicted_up"].dtype == gf.Boolean


def test_the_model_predicts_in_sql_in_a_process_that_never_saw_the_module(tmp_path):
    session = gf.Session(home=tmp_path / "home")
    frame = session.from_arrow(numbers(points(50)).to_arrow())
    frame.fit(Net(), "y", loss="mse", epochs=1, name="own")
    here = session.sql("SELECT predicted_y FROM ML.PREDICT(MODEL own, (SELECT 0.5 AS a, -0.25 AS b))").collect()[0, 0]
    program = (
        "import gradframe as gf\n"
        f"s = gf.Session(home={str(tmp_path / 'home')!r})\n"
        "print(repr(s.sql('SELECT predicted_y FROM ML.PREDICT(MODEL own, (SELECT 0.5 AS a, -0.25 AS b))').collect()[0, 0]))\n"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert there == repr(here)
    plan = session.sql("EXPLAIN SELECT predicted_y FROM ML.PREDICT(MODEL own, (SELECT 0.5 AS a, -0.25 AS b))").collect()
    assert "PredictExec: model=own@1, features=[a" in str(plan.to_dict())
    runs = session.sql("SELECT name, value FROM gradframe.params WHERE name IN ('module', 'loss', 'optimizer') ORDER BY name")
    assert runs.collect()["value"].to_list() == ['"mse"', '"Net"', '"adam"']


class ByName(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(10, 4, key=gf.random.key(1))
        self.out = nn.Linear(6, 1, key=gf.random.key(2))

    def forward(self, user, rest):
        return self.out(gnp.concat([self.users(user), rest], axis=1))[:, 0]


def test_columns_are_given_by_name():
    rng = np.random.default_rng(1)
    user, rest = rng.integers(0, 10, 400), rng.normal(size=(400, 2))
    frame = gf.DataFrame({"who": user, "a": rest[:, 0], "b": rest[:, 1], "y": user * 0.3 + rest[:, 1]})
    inputs = {"user": "who", "rest": ["a", "b"]}
    model = frame.fit(ByName(), "y", loss="mse", inputs=inputs, learning_rate=0.05, epochs=40, batch_size=100)
    assert frame.evaluate(model)["mean_squared_error"][0] < 0.01


def test_batch_norm_and_dropout_train_in_the_plan():
    net = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    before = net[1].running_mean.numpy().copy()
    frame = numbers()
    model = frame.fit(net, "y", loss="mse", learning_rate=0.02, epochs=30, batch_size=64)
    assert frame.evaluate(model)["mean_squared_error"][0] < 0.05
    assert not np.array_equal(before, net[1].running_mean.numpy())
    assert net.training
    eager = net.eval()(gnp.asarray(frame.select("a", "b").to_numpy().astype("float32"))).numpy()[:, 0]
    np.testing.assert_allclose(predicted(model, frame), eager, rtol=1e-4, atol=1e-5)


def test_rows_are_held_back_weighed_and_transformed():
    frame = points().select("a", "b", "y", w=gf.lit(2.0))
    model = frame.fit(Net(), "y", loss="mse", split="random", eval_fraction=0.2, sample_weight="w", epochs=2)
    assert model.training_info()["eval_loss"].null_count() == 0
    scaled = numbers().fit(Net(), "y", loss="mse", transform=[gf.ml.standard_scaler("a"), "b", "y"], epochs=2)
    assert len(predicted(scaled, numbers())) == 600


def test_groups_of_the_optimizer_have_their_own_rates():
    net = Net()
    groups = [{"params": net.hidden.parameters(), "lr": 1e-12}, {"params": net.out.parameters()}]
    before = net.hidden.weight.numpy().copy(), net.out.weight.numpy().copy()
    numbers().fit(net, "y", loss="mse", optimizer=gf.optim.Adam(groups, lr=0.05), epochs=1)
    np.testing.assert_allclose(before[0], net.hidden.weight.numpy(), atol=1e-9)
    assert np.abs(before[1] - net.out.weight.numpy()).max() > 0.01


def test_frozen_parameters_stay():
    net = Net()
    net.hidden.requires_grad_(False)
    before = net.hidden.weight.numpy().copy()
    numbers().fit(net, "y", loss="mse", epochs=1)
    assert np.array_equal(before, net.hidden.weight.numpy())


class Broken(Net):
    def __init__(self, forward):
        super().__init__()
        self._forward = forward

    def forward(self, x):
        return self._forward(super().forward, x)


def branch(own, x):
    y = own(x)
    return y if y.sum() > 0 else -y  # the line


COUNTER = itertools.count()
WRONG = [
    (lambda: Broken(branch), {}, "the value of an array is not known while its function is traced"),
    (lambda: Broken(lambda own, x: own(x) - own(x).mean()), {}, "cannot predict row by row"),
    (lambda: Broken(lambda own, x: own(x) * x.shape[0] ** 0.5), {}, "cannot be traced for any number of rows"),
    (lambda: Broken(lambda own, x: own(x) + gf.random.normal(shape=(1,))), {}, "draws random numbers outside of training"),
    (lambda: Broken(lambda own, x: own(x) + next(COUNTER) * gnp.ones((1,))), {}, "other values at each call"),
    (lambda: Broken(lambda own, x: (own(x), x)), {}, "gives a tuple, expected one array"),
    (lambda: Net(outputs=2), {"loss": "mse", "task": "regression"}, "expected one number a row"),
    (lambda: nn.Linear(3, 1), {}, "linear"),
    (Net, {"precision": "int8"}, "expected precision 'bf16' or 'f16', got 'int8'"),
    (Net, {"loss": "mso"}, "there is no loss 'mso'"),
    (Net, {"loss": nn.MSELoss}, "hint: gf.nn.MSELoss()"),
    (Net, {"loss": lambda o, t: 1.0}, "expected a loss that gives an array"),
    (Net, {"epoch": 3}, "modules have no option `epoch`; hint: epochs"),
    (Net, {"epochs": 0}, "option `max_iterations` is 0, expected 1 or more"),
    (Net, {"inputs": ["a", "c"]}, "there is no column `c` to give the module"),
    (Net, {"optimizer": "adma"}, "there is no optimizer 'adma'"),
    (lambda: nn.ReLU(), {}, "has no parameters"),
]


@pytest.mark.parametrize(("make", "options", "message"), WRONG)
def test_what_does_not_fit_is_an_error_that_says_so(make, options, message):
    with pytest.raises(gf.errors.GradframeError) as error:
        numbers().fit(make(), "y", **{"loss": "mse", **options})
    assert message in str(error.value), str(error.value)


def test_an_error_of_the_module_points_to_its_line():
    with pytest.raises(gf.errors.PlanError) as error:
        numbers().fit(Broken(branch), "y", loss="mse")
    assert "if y.sum() > 0" in str(error.traceback[-1].statement) or any("# the line" in str(t.statement) for t in error.traceback)


def test_shapes_that_do_not_fit_name_the_module_and_its_columns():
    with pytest.raises(gf.errors.ShapeError) as error:
        numbers().fit(nn.Linear(3, 1), "y", loss="mse")
    assert str(error.value).startswith("fit: Linear, given x [rows, 2] of a, b: linear: an input of shape (rows, 2) does not fit a weight (outputs, inputs) of shape (1, 3)")
    with pytest.raises(gf.errors.ShapeError, match="mse_loss: the input has shape \\(rows, 2\\), the target \\(rows,\\)"):
        numbers().fit(Net(outputs=2), "y", loss=lambda o, t: F.mse_loss(o, t[:, 0], reduction="none"))
    with pytest.raises(gf.errors.ShapeError, match="the module gives shape \\(rows, 1, 1\\), expected"):
        numbers().fit(Broken(lambda own, x: own(x).reshape(-1, 1, 1)), "y")


def test_arguments_that_forward_does_not_take_are_named():
    frame = gf.DataFrame({"who": [1, 2], "a": [1.0, 2.0], "y": [0.5, 1.5]})
    takes = "fit: ByName.forward takes \\(user, rest\\), given "
    with pytest.raises(gf.errors.PlanError, match=takes + "x \\[rows, 2\\] of who, a: missing a required argument: 'rest'; hint: .*inputs="):
        frame.fit(ByName(), "y")
    with pytest.raises(gf.errors.PlanError, match=takes + "user \\[rows\\] of who, other \\[rows\\] of a: "):
        frame.fit(ByName(), "y", inputs={"user": "who", "other": "a"})


def test_nulls_and_text_are_errors_that_name_the_column():
    frame = gf.DataFrame({"a": [1.0, None, 2.0], "b": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(gf.errors.ExecutionError, match="column `a` is null in 1 row, which a module does not take"):
        frame.fit(Net(), "y", loss="mse")
    model = frame.drop_nulls().fit(Net(), "y", loss="mse", epochs=1)
    with pytest.raises(gf.errors.ExecutionError, match="feature `a` of the model is null in a row"):
        frame.predict(model)
    with pytest.raises(gf.errors.PlanError, match="column `kind` is text, a module takes numbers"):
        points().fit(Net(), "y", loss="mse")
    with pytest.raises(gf.errors.PlanError, match="there is no column `z` to be the target"):
        numbers().fit(Net(), "z")
    with pytest.raises(gf.errors.ShapeError, match="gives 2 scores a row, label `kind` has 3 classes"):
        points().select("a", "b", "kind").fit(Net(outputs=2), "kind", epochs=1)
    with pytest.raises(gf.errors.PlanError, match="`loss` is for modules, got LinearRegression"):
        numbers().fit(gf.ml.LinearRegression(), "y", loss="mse")
    with pytest.raises(gf.errors.PlanError, match="is trained from a module"):
        gf.sql("CREATE MODEL m OPTIONS (model_type = 'module_regressor') AS SELECT 1.0 AS x, 2.0 AS label")


def test_a_failed_training_leaves_the_module_as_it_was():
    net = Net()
    before = net.hidden.weight.numpy().copy()
    with pytest.raises(gf.errors.ExecutionError, match="became"):
        numbers().fit(net, "y", loss=lambda o, t: F.mse_loss(o * 1e30, t), optimizer="sgd", learning_rate=1e9, epochs=2)
    assert np.array_equal(before, net.hidden.weight.numpy())
    assert net.training and net.hidden.weight.requires_grad


def test_tensor_columns_go_into_modules_and_models():
    rng = np.random.default_rng(2)
    images = rng.normal(size=(300, 6)).astype("float32")
    table = {"image": pa.FixedSizeListArray.from_arrays(pa.array(images.reshape(-1)), 6), "y": images @ np.arange(6.0)}
    frame = gf.from_arrow(pa.table(table))
    net = nn.Sequential(lambda x: x.reshape(-1, 1, 2, 3), nn.Conv2d(1, 4, 2), nn.Flatten(), nn.Linear(8, 1))
    model = frame.fit(net, "y", loss="mse", learning_rate=0.02, epochs=60, batch_size=50, name="images")
    assert frame.evaluate(model)["mean_squared_error"][0] < 0.1
    eager = net(gnp.asarray(images)).numpy()[:, 0]
    np.testing.assert_allclose(predicted(model, frame), eager, rtol=1e-4, atol=1e-4)
    assert gf.sql("SELECT count(predicted_y) FROM ML.PREDICT(MODEL images, TABLE t)", t=frame).collect()[0, 0] == 300
    with pytest.raises(gf.errors.PlanError, match="holds tensors, which do not stand beside other columns"):
        frame.with_columns(a=gf.lit(1.0)).fit(net, "y", loss="mse")


def test_a_last_batch_of_one_row_trains_batch_norm():
    rows = np.random.default_rng(0).normal(size=257).astype("float32")
    net = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    frame = gf.DataFrame({"x": rows, "y": 2 * rows})
    model = frame.fit(net, "y", loss="mse", epochs=2, batch_size=256)
    assert all(np.isfinite(np.asarray(value)).all() for value in model.state_dict().values())


@pytest.mark.parametrize("rows", [400, 401])
def test_a_row_that_is_left_over_spoils_no_normalisation(rows):
    random = np.random.default_rng(0)
    x = random.standard_normal(rows)
    frame = gf.DataFrame({"x": x, "y": np.sin(2.0 * x)})
    model = gf.ml.DNNRegressor(batch_norm=True, batch_size=100, max_iterations=60, early_stop=False, seed=2, learning_rate=0.01)
    found = frame.predict(frame.fit(model, "y"))["predicted_y"].to_numpy()
    assert 1.0 - ((found - np.sin(2.0 * x)) ** 2).mean() / np.sin(2.0 * x).var() > 0.9


def test_one_row_has_no_variance():
    frame = gf.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(gf.errors.PlanError, match="batch_norm"):
        frame.fit(gf.ml.DNNRegressor(batch_norm=True, batch_size=1), "y")
    with pytest.raises(gf.errors.ShapeError, match="more than one value a channel"):
        gf.nn.BatchNorm1d(3)(gf.numpy.ones((1, 3)))


ONE, TWO = (lambda: nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())), (lambda: nn.Sequential(nn.Linear(1, 2), nn.Softmax(1)))
OF_PROBABILITIES = {
    "BCELoss": (ONE, nn.BCELoss(), {}),
    "a function": (ONE, lambda o, t: F.binary_cross_entropy(o, t), {}),
    "no loss": (ONE, None, {}),
    "squares": (ONE, lambda o, t: gnp.mean((o - t) ** 2), {"task": "classification"}),
    "squeezed": (lambda: nn.Sequential(nn.Linear(1, 1), nn.Sigmoid(), nn.Flatten(0)), nn.BCELoss(), {}),
    "softmax": (TWO, lambda o, t: F.nll_loss(gnp.log(o), t), {}),
    "softmax, no loss": (TWO, None, {}),
}


@pytest.mark.parametrize("label", ["truth", "text", "number"])
@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_what_ends_in_probabilities_is_not_made_probabilities_again(name, label):
    make, loss, options = OF_PROBABILITIES[name]
    if label == "number" and name in ("a function", "no loss"):
        options = {**options, "task": "classification"}
    x = np.random.default_rng(0).normal(size=400)
    y = {"truth": x > 0, "text": np.where(x > 0, "yes", "no"), "number": (x > 0).astype("int64")}[label]
    frame = gf.DataFrame({"x": x, "y": y})
    gf.random.seed(0)
    net = make()
    model = frame.fit(net, "y", loss=loss, epochs=40, batch_size=50, split="none", optimizer=gf.optim.Adam(net.parameters(), 0.1), **options)
    scored = frame.evaluate(model)
    assert scored["accuracy"][0] > 0.97
    own = gnp.log(net(gf.array(x.astype("float32").reshape(-1, 1)))).numpy()
    own = own[:, 1] if own.ndim == 2 and own.shape[1] == 2 else own.reshape(-1)
    exact = -np.mean(np.where(x > 0, own, np.log1p(-np.exp(own.astype("float64")))))
    assert scored["log_loss"][0] == pytest.approx(exact, rel=1e-3)


def assigned(x, index, values):
    x[index] = values
    return x


IN_ROWS = {
    "set": lambda x: x.at[:, 0].set(1.0),
    "add": lambda x: x.at[:, 1].add(x[:, 0]),
    "multiply": lambda x: x.at[:, [0, 1]].multiply(gnp.asarray([2.0, 3.0])),
    "divide": lambda x: x.at[:, 1:].divide(2.0),
    "twice": lambda x: x.at[:, [0, 0, 1]].add(gnp.asarray([1.0, 2.0, 3.0])),
    "the last stays": lambda x: x.at[:, [0, 0]].set(gnp.stack([x[:, 1], x[:, 0] * 2], axis=1)),
    "assigned": lambda x: assigned(x * 1, (slice(None), 0), 0.5),
    "from the end": lambda x: x.at[..., -1].max(0.25),
    "of each other": lambda x: x.at[:, :1].set(x[:, 1:]),
    "all": lambda x: x.at[:].min(0.5),
    "deeper": lambda x: x.reshape(-1, 2, 1).at[:, 1, 0].set(x[:, 0]).reshape(-1, 2),
}


@pytest.mark.parametrize("name", IN_ROWS)
def test_places_of_each_row_are_updated_in_the_plan(name):
    class Changed(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(2, 1, key=gf.random.key(0))

        def forward(self, x):
            return self.out(IN_ROWS[name](x))

    net, frame = Changed(), numbers()
    model = frame.fit(net, "y", loss="mse", epochs=1, split="none")
    x = gnp.asarray(np.stack([frame["a"].to_numpy(), frame["b"].to_numpy()], axis=1))
    np.testing.assert_allclose(predicted(model, frame), net(x).numpy().reshape(-1), rtol=1e-5, atol=1e-6)
