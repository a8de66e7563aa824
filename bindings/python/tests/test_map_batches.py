"""Python functions as steps of a plan."""

import threading
import time
import traceback

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import gradframe as gf

ROWS = 300_000


def numbers(rows=ROWS):
    return gf.from_dict({"x": np.arange(rows, dtype=np.int64)}).lazy()


@pytest.mark.parametrize("batch_format", ["frame", "arrow", "polars", "pandas"])
def test_a_function_is_given_batches_in_the_format_asked_for(batch_format):
    kinds = set()

    def doubled(batch):
        kinds.add(type(batch))
        if batch_format == "frame":
            return batch.with_columns(x=gf.col("x") * 2)
        if batch_format == "arrow":
            return pa.record_batch([pc.multiply(batch.column("x"), 2)], names=["x"])
        return batch.with_columns(x=pl.col("x") * 2) if batch_format == "polars" else batch * 2

    frame = numbers(10_000).map_batches(doubled, batch_format=batch_format, batch_size=1000)
    assert frame.collect().to_dict()["x"] == list(range(0, 20_000, 2))
    assert len(kinds) == 1
    assert "doubled" in frame.explain()


def test_memory_is_shared_both_ways():
    table = pa.table({"x": np.arange(ROWS, dtype=np.float64)})
    first, last = table["x"].chunk(0).buffers()[1].address, table["x"].nbytes
    seen = []

    def look(batch):
        seen.append(batch.column(0).buffers()[1].address)
        return batch

    frame = gf.from_arrow(table).lazy().map_batches(look, batch_format="arrow")
    out = frame.collect().to_arrow()
    assert all(first <= address < first + last for address in seen)
    assert out["x"].chunk(0).buffers()[1].address == first
    _, operators = frame.profile()
    mapped = dict(zip(*map(operators.to_dict().get, ("operator", "copied_bytes"))))
    assert mapped["MapBatchesExec"] == 0


def test_all_rows_at_once():
    def ranked(frame):
        return frame.to_polars().with_columns(pl.col("x") - pl.col("x").mean().cast(pl.Int64))

    whole = numbers().map_batches(ranked, streamable=False)
    assert whole.select(gf.col("x").sum()).collect().item() == sum(range(ROWS)) - ROWS * ((ROWS - 1) // 2)
    assert "does not stream" in whole.explain()


def test_other_columns_are_declared():
    def counted(batch):
        return pa.record_batch([[batch.num_rows]], names=["n"])

    frame = numbers().map_batches(counted, batch_format="arrow", schema={"n": pa.int64()})
    assert frame.columns == ["n"]
    assert frame.select(gf.col("n").sum()).collect().item() == ROWS
    with pytest.raises(gf.errors.ShapeError, match="gave the columns `n`, expected `x`"):
        numbers().map_batches(counted, batch_format="arrow").collect()
    with pytest.raises(gf.errors.DTypeError, match="column `x` as String, expected Int64"):
        numbers().map_batches(lambda b: pa.record_batch([["a"]], names=["x"]), batch_format="arrow").collect()


class Odd(Exception):
    """A user's own exception."""


def test_an_exception_keeps_its_type_and_traceback_and_cancels_the_query():
    calls = []

    def fails(batch):
        calls.append(1)
        if len(calls) == 3:
            raise Odd("row 17 is odd")
        time.sleep(0.01)
        return batch

    frame = numbers().map_batches(fails, batch_size=1000)
    with pytest.raises(gf.errors.ExecutionError, match="fails` raised .*Odd: row 17 is odd") as caught:
        frame.select(gf.col("x").sum()).collect()
    assert isinstance(caught.value.__cause__, Odd)
    assert "raise Odd" in "".join(traceback.format_exception(caught.value))
    made = len(calls)
    time.sleep(0.1)
    assert len(calls) <= made + 2 and made < 100


def test_what_is_no_table_is_named():
    with pytest.raises(gf.errors.ExecutionError, match="gave int, expected a DataFrame"):
        numbers(5).map_batches(lambda _: 3).collect()
    with pytest.raises(TypeError, match="expected a function"):
        numbers(5).map_batches(3)
    with pytest.raises(gf.errors.PlanError, match="did you mean `pandas`"):
        numbers(5).map_batches(lambda b: b, batch_format="panda")


def test_other_threads_run_while_the_engine_works():
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    numbers(3_000_000).map_batches(lambda batch: batch, batch_format="arrow").select(gf.col("x").sum()).collect()
    done.set()
    thread.join()
    assert len(ticks) > 2


def test_a_function_may_run_queries_of_its_own():
    frame = numbers(10_000).map_batches(lambda batch: batch.filter(gf.col("x") % 2 == 0), batch_size=1000)
    assert frame.collect().height == 5000


def test_batches_of_more_rows_than_there_are_hold_all_of_them():
    for size in (2**40, 2**63, 2**64, 10**30):
        heights = []
        frame = numbers(10_000).map_batches(lambda batch: heights.append(batch.height) or batch, batch_size=size)
        assert frame.collect().height == 10_000 and sum(heights) == 10_000
    with pytest.raises(gf.errors.PlanError, match="map_batches: batch_size is -1, expected 1 or more"):
        numbers().map_batches(lambda batch: batch, batch_size=-1)
