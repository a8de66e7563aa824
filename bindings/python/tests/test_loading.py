"""Batches for training loops."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
    for nothing in (None, 3, [1]):
        with pytest.raises(gf.errors.PlanError, match=rf"load_state_dict: got a {type(nothing).__name__}, expected what state_dict\(\) gives"):
            make().load_state_dict(nothing)


def shuffled(frame, batch_size=100):
    return sum(ids(frame.iter_batches(batch_size, batch_format="numpy", shuffle=True, seed=4)), [])


def test_a_shuffle_does_not_depend_on_batches_files_or_threads(tmp_path):
    """The order is that of keys of the rows alone."""
    rows = pa.table({"i": np.arange(5000), "s": [f"row {i}" for i in range(5000)]})
    whole = shuffled(gf.from_arrow(rows).lazy())
    assert shuffled(gf.from_arrow(rows).lazy(), batch_size=777) == whole
    pq.write_table(rows, tmp_path / "one.parquet", row_group_size=300)
    for start in range(0, 5000, 1700):
        pq.write_table(rows.slice(start, 1700), tmp_path / f"part-{9 - start // 1700}.parquet")
    for threads in (1, 3):
        session = gf.Session(in_memory=True, threads=threads)
        assert shuffled(session.scan_parquet(tmp_path / "one.parquet")) == whole
        assert shuffled(session.scan_parquet(str(tmp_path / "part-*.parquet"))) == whole


OTHER_PLANS = {
    "a condition": (lambda f: f.filter(gf.col("i") > 4), "its step 1 is `Filter: .*3.*`, this loader's `Filter: .*4"),
    "a step more": (lambda f: f.filter(gf.col("i") > 3).filter(gf.col("x") > 1), "its step 1 is"),
    "other rows": (lambda f: gf.concat([f, f]).filter(gf.col("i") > 3), "its step 2 is"),
    "fewer rows": (
        lambda f: gf.from_dict({"i": [5], "x": [1.0], "s": ["a"]}).lazy().filter(gf.col("i") > 3),
        "10000 rows in memory`, this loader's `.*, 1 rows in memory",
    ),
}


@pytest.mark.parametrize("name", OTHER_PLANS)
def test_a_position_in_another_plan_is_refused(frame, name):
    make, message = OTHER_PLANS[name]
    loader = frame.filter(gf.col("i") > 3).iter_batches(500)
    next(iter(loader))
    state = json.loads(json.dumps(loader.state_dict()))
    frame.filter(gf.col("i") > 3).iter_batches(500).load_state_dict(state)
    with pytest.raises(gf.errors.PlanError, match=f"load_state_dict: the state was taken over another plan: .*{message}"):
        make(frame).iter_batches(500).load_state_dict(state)


def test_a_position_in_other_files_is_refused_and_a_moved_folder_is_not(tmp_path):
    for place in ("here/train", "there/train", "there/test"):
        (tmp_path / place).mkdir(parents=True)
        pq.write_table(pa.table({"i": range(10)}), tmp_path / place / "a.parquet")
    state = gf.scan_parquet(tmp_path / "here/train/a.parquet").iter_batches(2).state_dict()
    gf.scan_parquet(tmp_path / "there/train/a.parquet").iter_batches(2).load_state_dict(state)
    with pytest.raises(gf.errors.PlanError, match="files train/a.parquet`, this loader's .*files test/a.parquet"):
        gf.scan_parquet(tmp_path / "there/test/a.parquet").iter_batches(2).load_state_dict(state)


@pytest.mark.parametrize("changed", [{"seed": 10}, {"shuffle": False}, {"rank": 0}, {"num_workers": 2}, {"drop_last": True}])
def test_a_position_of_another_share_or_shuffle_is_refused(frame, changed):
    options = {"shuffle": True, "seed": 9, "rank": 1, "world_size": 2}
    state = frame.iter_batches(50, **options).state_dict()
    (name,) = changed
    with pytest.raises(gf.errors.PlanError, match=f"the state was taken with {name} = "):
        frame.iter_batches(50, **{**options, **changed}).load_state_dict(state)


def test_a_long_line_of_a_plan_is_kept_as_a_digest(frame):
    long = frame.filter(gf.col("i").is_in(list(range(2000))))
    state = long.iter_batches(50).state_dict()
    assert all(len(line) < 500 for line in state["plan"])
    with pytest.raises(gf.errors.PlanError, match="another plan"):
        frame.filter(gf.col("i").is_in(list(range(1, 2001)))).iter_batches(50).load_state_dict(state)
    long.iter_batches(50).load_state_dict(state)


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


def test_an_epoch_set_within_a_loop_begins_at_its_beginning(frame):
    loader = frame.iter_batches(128, batch_format="numpy", shuffle=True, seed=1)
    whole = ids(frame.iter_batches(128, batch_format="numpy", shuffle=True, seed=1))
    seen = []
    for batch in loader:
        seen.append(batch["i"].tolist())
        if len(seen) == 3:
            loader.set_epoch(5)
    assert [list(batch) for batch in seen] == [list(batch) for batch in whole]
    assert (loader.state_dict()["epoch"], loader.state_dict()["batches"]) == (5, 0)


def test_of_two_iterators_the_newer_says_where_the_loader_is(frame):
    loader = frame.iter_batches(128, batch_format="numpy")
    older = iter(loader)
    first = next(older)["i"].tolist()
    newer = iter(loader)
    second = next(newer)["i"].tolist()
    assert next(older)["i"].tolist() == second != first
    assert loader.state_dict()["batches"] == 2


def test_batches_of_any_size_are_dealt_without_overflow():
    frame = gf.from_dict({"i": list(range(10))})
    for size in (2**62, 2**63, 2**64 - 1):
        heights = [sum(batch.height for batch in frame.iter_batches(size, rank=rank, world_size=4)) for rank in range(4)]
        assert heights == [10, 0, 0, 0]
    with pytest.raises(gf.errors.PlanError, match="batch_size is .*, expected less than 2"):
        frame.iter_batches(2**64)
