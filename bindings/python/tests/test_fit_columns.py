"""What a module is given of a frame's columns: whole numbers to the last digit, and places that there are."""

from decimal import Decimal

import gradframe as gf
import gradframe.numpy as gnp
import numpy as np
import pyarrow as pa
import pytest

nn, F = gf.nn, gf.nn.functional


class Buckets(nn.Module):
    """A number for each id, by its rest."""

    def __init__(self, size=1000):
        super().__init__()
        self.e, self.size = nn.Embedding(size, 1, key=gf.random.key(1)), size

    def forward(self, i):
        return self.e(i % self.size)[:, 0]


class Table(nn.Module):
    """A number for each place from 0 to 2."""

    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(3, 1, key=gf.random.key(2))

    def forward(self, i):
        return self.e(i)[:, 0]


def ids(dtype="int64"):
    return (np.random.default_rng(0).integers(2**62, 2**63, 200, dtype="uint64") * (2 if dtype == "uint64" else 1)).astype(dtype)


def table_model(**options):
    frame = gf.DataFrame({"i": [0, 1, 2], "y": [1.0, 2.0, 3.0]})
    return frame.fit(Table(), "y", loss="mse", inputs={"i": "i"}, epochs=1, **options)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_whole_numbers_reach_a_module_to_the_last_digit(dtype):
    column, net = ids(dtype), Buckets()
    assert (column.astype("float64").astype("uint64") != column.astype("uint64")).any()
    frame = gf.DataFrame({"i": column, "y": np.arange(200.0)})
    model = frame.fit(net, "y", loss="mse", inputs={"i": "i"}, learning_rate=0.1, epochs=3, batch_size=32)
    eager = net(gnp.asarray(column)).numpy()
    assert np.array_equal(frame.predict(model)["predicted_y"].to_numpy(), eager.astype("float64"))
    used = {int(rest) for rest in column % column.dtype.type(1000)}
    before = Buckets().e.weight.numpy()[:, 0]
    assert {int(row) for row in np.flatnonzero(net.e.weight.numpy()[:, 0] != before)} == used


def test_hashes_reach_a_module_to_the_last_digit():
    net = Buckets()
    frame = gf.DataFrame({"s": [f"user {i}" for i in range(50)], "y": np.arange(50.0)})
    frame = frame.select((gf.col("s").hash() // 2).cast(gf.Int64).alias("i"), "y")
    model = frame.fit(net, "y", loss="mse", inputs={"i": "i"}, epochs=1)
    eager = net(gnp.asarray(frame["i"].to_numpy())).numpy()
    assert np.array_equal(frame.predict(model)["predicted_y"].to_numpy(), eager.astype("float64"))


class Beside(nn.Module):
    """Whole numbers by themselves, and beside floats."""

    def __init__(self):
        super().__init__()
        self.e, self.out = nn.Embedding(5, 2, key=gf.random.key(3)), nn.Linear(4, 1, key=gf.random.key(4))

    def forward(self, i, x):
        return self.out(gnp.concat([self.e(i % 5), x], axis=1))[:, 0]


def test_a_column_may_be_whole_in_one_input_and_a_float_in_another():
    rng = np.random.default_rng(1)
    columns = {"i": rng.integers(0, 100, 300), "a": rng.normal(size=300).astype("float32"), "y": rng.normal(size=300)}
    frame, net = gf.DataFrame(columns), Beside()
    model = frame.fit(net, "y", loss="mse", inputs={"i": "i", "x": ["a", "i"]}, epochs=2, split="random")
    stacked = np.stack([columns["a"], columns["i"].astype("float32")], axis=1)
    eager = net(gnp.asarray(columns["i"]), gnp.asarray(stacked)).numpy()
    np.testing.assert_allclose(frame.predict(model)["predicted_y"].to_numpy(), eager, rtol=1e-5, atol=1e-5)
    assert [(f["name"], f["encoding"].get("whole")) for f in model.spec["features"]] == [("i", "i64"), ("a", None)]


WHOLE = [
    pa.array([0.0, 2.0, -0.0]),
    pa.array([0.0, 2.0, 1.0], pa.float32()),
    pa.array([0, 2, 1], pa.int8()),
    pa.array([0, 2, 1], pa.uint64()),
    pa.array([Decimal(0), Decimal(2), Decimal(1)], pa.decimal128(10, 2)),
]


@pytest.mark.parametrize("column", WHOLE, ids=lambda column: str(column.type))
def test_what_is_whole_is_taken_whatever_its_type(column):
    model = table_model()
    rows = gf.from_arrow(pa.table({"i": column}))
    places = [int(value.as_py()) for value in column]
    expected = gf.DataFrame({"i": places}).predict(model)["predicted_y"].to_list()
    assert rows.predict(model)["predicted_y"].to_list() == expected


REFUSED = [
    (pa.array([1.0, 0.5]), gf.errors.DTypeError, "feature `i` of the model is 0.5 in a row, expected a whole number, Int64"),
    (pa.array([float("nan")]), gf.errors.DTypeError, "is NaN in a row, expected a whole number"),
    (pa.array([3e30]), gf.errors.DTypeError, "feature `i` of the model is 3e30 in a row"),
    (pa.array([float("inf")]), gf.errors.DTypeError, "is inf in a row"),
    (pa.array([2**63], pa.uint64()), gf.errors.DTypeError, "is 9223372036854775808 in a row"),
    (pa.array([Decimal(150)], pa.decimal128(5, 0)), gf.errors.OutOfBoundsError, "index 150, made of column `i`"),
    (pa.array([0, 3]), gf.errors.OutOfBoundsError, "index 3, made of column `i`, is outside of the 3 places that `embedding` in Table of the model has, 0 to 2"),
    (pa.array([100, 1]), gf.errors.OutOfBoundsError, "index 100, made of column `i`"),
    (pa.array([True]), gf.errors.DTypeError, "expected Int64, got Boolean"),
    (pa.array([1, -1]), gf.errors.OutOfBoundsError, "index -1, made of column `i`"),
]


@pytest.mark.parametrize(("column", "kind", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_a_module_does_not_take_is_named(column, kind, message):
    model = table_model()
    rows = gf.from_arrow(pa.table({"i": column, "y": pa.array([1.0] * len(column))}))
    for ask in (lambda: rows.predict(model), lambda: rows.evaluate(model)):
        with pytest.raises(kind) as error:
            ask()
        assert message in str(error.value), str(error.value)


def test_sql_names_them_too():
    table_model(name="places")
    for value, kind, message in [("3", gf.errors.OutOfBoundsError, "index 3, made of column `i`"), ("0.5", gf.errors.DTypeError, "feature `i` of model `places` is 0.5")]:
        with pytest.raises(kind, match=message):
            gf.sql(f"SELECT * FROM ML.PREDICT(MODEL places, (SELECT {value} AS i))").collect()
        with pytest.raises(kind, match=message):
            gf.sql(f"SELECT * FROM ML.EVALUATE(MODEL places, (SELECT {value} AS i, 1.0 AS y))").collect()
    assert gf.sql("SELECT * FROM ML.PREDICT(MODEL places, (SELECT 2.0 AS i))").collect().height == 1


@pytest.mark.parametrize("place", [3, -1, 2**31, 2**62])
def test_places_that_a_module_does_not_have_are_told_before_it_is_trained(place):
    net = Table()
    before = net.e.weight.numpy().copy()
    frame = gf.DataFrame({"i": [0, 1, place], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(gf.errors.OutOfBoundsError, match=f"train: index {place}, made of column `i`, is outside of the 3 places"):
        frame.fit(net, "y", loss="mse", inputs={"i": "i"}, epochs=1)
    assert np.array_equal(net.e.weight.numpy(), before)
    with pytest.raises(IndexError):
        net(gnp.asarray(np.array([0, place])))


class Along(nn.Module):
    """Picks one of a row's own numbers, in one of two ways."""

    def __init__(self, pick):
        super().__init__()
        self.scale, self.pick = nn.Parameter(gnp.ones((1,))), pick

    def forward(self, x, i):
        return self.pick(x, i) * self.scale


PICKS = [
    ("index", lambda x, i: gnp.asarray(np.array([1.0, 2.0], "float32"))[i] + x[:, 0], [-2, 1], [2, -3]),
    ("index", lambda x, i: gnp.take(gnp.asarray(np.array([1.0, 2.0], "float32")), i) + x[:, 0], [-2, 1], [2, -3]),
    ("one_hot", lambda x, i: (F.one_hot(i, 2) * x).sum(axis=1), [0, 1], [2, -1]),
]


@pytest.mark.parametrize(("name", "pick", "good", "bad"), PICKS, ids=["brackets", "take", "one_hot"])
def test_whatever_picks_is_asked_and_takes_what_the_eager_module_takes(name, pick, good, bad):
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    frame = lambda places: gf.DataFrame({"a": x[:, 0], "b": x[:, 1], "i": places, "y": [1.0, 2.0]})  # noqa: E731
    net, inputs = Along(pick), {"x": ["a", "b"], "i": "i"}
    model = frame(good).fit(net, "y", loss="mse", inputs=inputs, epochs=1)
    eager = net(gnp.asarray(x), gnp.asarray(np.array(good))).numpy()
    np.testing.assert_allclose(frame(good).predict(model)["predicted_y"].to_numpy(), eager, rtol=1e-6)
    for place in bad:
        with pytest.raises(gf.errors.OutOfBoundsError, match=f"index {place}, made of column `i`.*`{name}` in Along of the model"):
            frame([0, place]).predict(model)
        with pytest.raises(gf.errors.OutOfBoundsError, match=f"index {place}, made of column `i`"):
            frame([0, place]).fit(Along(pick), "y", loss="mse", inputs=inputs, epochs=1)
        with pytest.raises(IndexError):
            net(gnp.asarray(x), gnp.asarray(np.array([0, place]))).numpy()


@pytest.mark.parametrize("place", [2, 2**63, 2**64 - 1, 2**64 - 100])
@pytest.mark.parametrize("name", ["index", "take", "one_hot", "embedding"])
def test_places_of_uint64_are_asked_without_wrapping(name, place):
    table = gnp.asarray(np.array([1.0, 2.0], "float32"))
    picks = {
        "index": lambda x, i: table[i] + x[:, 0],
        "take": lambda x, i: gnp.take(table, i) + x[:, 0],
        "one_hot": lambda x, i: (F.one_hot(i, 2) * x).sum(axis=1),
        "embedding": lambda x, i: F.embedding(i, table[:, None])[:, 0] + x[:, 0],
    }
    frame = lambda *places: gf.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0], "i": np.array(places, "uint64"), "y": [1.0, 2.0]})  # noqa: E731
    options = {"loss": "mse", "inputs": {"x": ["a", "b"], "i": "i"}, "epochs": 1}
    model = frame(0, 1).fit(Along(picks[name]), "y", **options)
    for ask in (lambda: frame(0, place).predict(model), lambda: frame(0, place).fit(Along(picks[name]), "y", **options)):
        told = 2 if place == 2 else f"{2**63 - 1} or above"
        with pytest.raises(gf.errors.OutOfBoundsError, match=f"index {told}, made of column `i`.* 0 to 1"):
            ask()


def test_places_that_a_batch_has_are_trained_on_as_they_are():
    gain = gnp.asarray(np.linspace(1.0, 0.1, 64, dtype="float32"))
    loss = lambda o, t: -(o * gain[gnp.argsort(gnp.argsort(-t[:, 0]))][:, None])[:, 0]  # noqa: E731
    rng = np.random.default_rng(0)
    frame = gf.DataFrame({"x": rng.normal(size=640), "y": rng.normal(size=640)})
    net = nn.Linear(1, 1, key=gf.random.key(0))
    before = net.weight.numpy().copy()
    frame.fit(net, "y", loss=loss, task="regression", batch_size=64, epochs=1)
    assert (net.weight.numpy() != before).any()


def test_integers_of_tensors_that_a_float_does_not_keep_are_named():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(gnp.ones((1,)))

        def forward(self, x):
            return x.sum(axis=1).astype("float32") * self.scale

    def fit(largest):
        column = pa.array([[1, 2], [3, largest]], pa.list_(pa.int64(), 2))
        frame = gf.from_arrow(pa.table({"x": column, "y": pa.array([1.0, 2.0])}))
        return frame.fit(Sum(), "y", loss="mse", inputs={"x": "x"}, epochs=1)

    assert all(feature["encoding"].get("whole") is None for feature in fit(2**53 - 1).spec["features"])
    with pytest.raises(gf.errors.DTypeError, match=r"column `x\[1\]` holds integers"):
        fit(2**53)


def scores(output):
    return gnp.concat([output, -output], axis=1)


LOSSES = {
    "cross_entropy": lambda o, t: F.cross_entropy(scores(o), t[:, 0].astype("int64"), reduction="none"),
    "nll_loss": lambda o, t: F.nll_loss(F.log_softmax(scores(o)), t[:, 0].astype("int64"), reduction="none"),
    "take_along_axis": lambda o, t: -gnp.take_along_axis(F.log_softmax(scores(o)), t.astype("int64"), axis=1)[:, 0],
}


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize(("label", "told"), [(2.0, "2"), (1.8e19, f"{2**63 - 1} or above")])
def test_classes_of_uint64_are_asked_without_wrapping(name, label, told):
    losses = {"cross_entropy": F.cross_entropy, "nll_loss": F.nll_loss}
    loss = lambda o, t: losses[name](scores(o), t[:, 0].astype("uint64"), reduction="none", ignore_index=None)  # noqa: E731
    frame = gf.DataFrame({"x": [1.0, 2.0], "y": [0.0, label]})
    with pytest.raises(gf.errors.OutOfBoundsError, match=f"index {told}, made of column `y`"):
        frame.fit(nn.Linear(1, 1, key=gf.random.key(0)), "y", loss=loss, task="regression", epochs=1)


@pytest.mark.parametrize("name", LOSSES)
def test_classes_of_a_loss_of_ones_own_are_asked(name):
    def fit(*labels):
        net = nn.Linear(1, 1, key=gf.random.key(0))
        gf.DataFrame({"x": [1.0, 2.0], "y": labels}).fit(net, "y", loss=LOSSES[name], task="regression", epochs=1)

    fit(0.0, 1.0)
    fit(-1.0 if name == "take_along_axis" else -100.0, 1.0)
    with pytest.raises(gf.errors.OutOfBoundsError, match=f"index 2, made of column `y`.*`{name}` in Linear"):
        fit(0.0, 2.0)
    with pytest.raises(gf.errors.OutOfBoundsError, match="index -3, made of column `y`"):
        fit(-3.0, 1.0)


def test_a_transform_that_makes_fractions_of_whole_numbers_is_named():
    frame = gf.DataFrame({"i": [0, 1, 2], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(gf.errors.DTypeError, match="train: column `i` is 0.5 in a row, expected a whole number, Int64"):
        frame.fit(Table(), "y", loss="mse", inputs={"i": "i"}, transform={"i": gf.col("i") * 0.5, "y": "y"}, epochs=1)
