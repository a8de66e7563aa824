"""Batches for training loops."""

import json

import numpy as np
import pyarrow as pa
import pytest

import gradframe as gf

ROWS = 10_000


@pytest.fixture
def frame():
    return gf.from_dict({"i": np.arange(ROWS), "x": np.arange(ROWS) / 2, "s": [str(i) for i in range(ROWS)]}).lazy()


def ids(loader):
    return [batch["i"].tolist() for batch in loader]


@pytest.mark.parametrize("batch_format", ["frame", "arrow", "numpy", "polars", "pandas"])
def test_batches_in_the_format_asked_for(frame, batch_format):
    batches = list(frame.iter_batches(1024, batch_format=batch_format))
    assert len(batches) == 10
    first = batches[0]
    if batch_format == "numpy":
        assert first["i"].tolist() == list(range(1024)) and first["x"].dtype == np.float64
    elif batch_format == "frame":
        assert isinstance(first, gf.DataFrame) and first.shape == (1024, 3)
    elif batch_format == "arrow":
        assert isinstance(first, pa.RecordBatch) and first.num_rows == 1024
    else:
        assert list(first["s"][:2]) == ["0", "1"]


def test_numbers_are_views_of_the_plans_memory():
    table = pa.table({"x": np.arange(200_000, dtype=np.float32)})
    batches = list(gf.from_arrow(table).lazy().iter_batches(1000, batch_format="numpy"))
    first = table["x"].chunk(0).buffers()[1].address
    views = [i for i, batch in enumerate(batches) if batch["x"].__array_interface__["data"][0] == first + 4000 * i]
    assert len(batches) == 200 and len(views) > 150  # the others lie in two of the plan's batches


def test_an_epoch_a_loop_and_another_shuffle_each(frame):
    loader = frame.iter_batches(256, batch_format="numpy", shuffle=True, seed=3)
    first, second = ids(loader), ids(loader)
    assert loader.epoch == 2
    assert sorted(sum(first, [])) == list(range(ROWS)) and sorted(sum(second, [])) == list(range(ROWS))
    assert first != second
    again = frame.iter_batches(256, batch_format="numpy", shuffle=True, seed=3)
    assert ids(again) == first
    again.set_epoch(1)
    assert ids(again) == second


def test_a_loop_goes_on_exactly_where_it_was(frame):
    def make():
        return frame.iter_batches(300, batch_format="numpy", shuffle=True, seed=9)

    whole = ids(make())
    loader = make()
    taken = [batch["i"].tolist() for batch, _ in zip(loader, range(7), strict=False)]
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = make()
    resumed.load_state_dict(state)
    assert taken + ids(resumed) == whole[: len(taken)] + whole[state["batches"] :]
    assert resumed.epoch == 1
    with pytest.raises(gf.errors.PlanError, match="batch_size = 300, this loader has 100"):
        frame.iter_batches(100, shuffle=True, seed=9).load_state_dict(state)
    with pytest.raises(gf.errors.PlanError, match="version"):
        make().load_state_dict({})


def test_ranks_share_the_rows(frame):
    shares = [ids(frame.iter_batches(128, batch_format="numpy", rank=r, world_size=3, drop_last=True)) for r in range(3)]
    assert [len(share) for share in shares] == [26, 26, 26]
    rows = sum((sum(share, []) for share in shares), [])
    assert len(set(rows)) == len(rows) == 3 * 26 * 128


def test_bad_arguments_are_refused(frame):
    for bad in [{"batch_size": 0}, {"rank": 1}, {"worker": 2, "num_workers": 2}, {"seed": -1}, {"batch_format": "nump"}]:
        with pytest.raises(gf.errors.PlanError):
            frame.iter_batches(**bad)
    with pytest.raises(TypeError):
        frame.iter_batches(1.5)


def test_an_error_of_the_query_ends_the_loop():
    bad = gf.from_dict({"s": ["1", "x"]}).lazy().select(gf.col("s").cast(int))
    with pytest.raises(gf.errors.GradframeError):
        list(bad.iter_batches(1))


def test_a_loop_that_is_left_cancels_its_query(frame):
    for batch in frame.iter_batches(10):
        assert batch.height == 10
        break


def test_matrices_from_lists_of_one_length():
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype=np.float32)), 3)
    batch = next(iter(gf.from_arrow(pa.table({"v": column})).lazy().iter_batches(4, batch_format="numpy")))
    assert batch["v"].shape == (4, 3) and batch["v"][1].tolist() == [3, 4, 5]


def test_torch(frame):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: to_torch is not tested")
    dataset = frame.select("i", "x").to_torch(512, shuffle=True, seed=1)
    batches = list(torch.utils.data.DataLoader(dataset, batch_size=None))
    assert batches[0]["x"].dtype == torch.float64
    assert sorted(torch.cat([batch["i"] for batch in batches]).tolist()) == list(range(ROWS))
    with_workers = torch.utils.data.DataLoader(frame.select("i").to_torch(512, shuffle=True, seed=1), batch_size=None, num_workers=2)
    assert [batch["i"].tolist() for batch in with_workers] == [batch["i"].tolist() for batch in batches]
    nulls = gf.from_dict({"x": [1, None]}).lazy()
    with pytest.raises(gf.errors.ExecutionError, match="column `x` has 1 nulls"):
        list(nulls.to_torch(2))
