"""While the engine works other threads run, and Ctrl-C stops it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest

import gradframe as gf

# Hours of work for any machine.
ENDLESS = "SELECT count(*) FROM generate_series(1, 3000000) AS a(x) CROSS JOIN generate_series(1, 3000000) AS b(y) WHERE x * y % 7 = 3"


WAYS_TO_WAIT = {
    "collect": lambda lazy, path: lazy.collect(),
    "collect_batches": lambda lazy, path: list(lazy.collect_batches()),
    "sink_parquet": lambda lazy, path: lazy.sink_parquet(path),
}


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """As on a terminal: a test run in the background is started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
def test_ctrl_c_cancels_the_query_and_the_session_goes_on(way, tmp_path):
    lazy = gf.sql(ENDLESS)
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    started = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        WAYS_TO_WAIT[way](lazy, tmp_path / "out.parquet")
    assert time.monotonic() - started < 10
    assert not list(tmp_path.glob("out.parquet*"))
    assert gf.sql("SELECT 1 AS one").collect().item() == 1


def test_ctrl_c_ends_a_stream_in_another_librarys_hands():
    reader = pa.RecordBatchReader.from_stream(gf.sql(ENDLESS))
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    started = time.monotonic()
    timer.start()
    with pytest.raises((KeyboardInterrupt, OSError, pa.ArrowException)):
        reader.read_all()
    assert time.monotonic() - started < 10
    assert gf.sql("SELECT 1 AS one").collect().item() == 1


WAYS_TO_AWAIT = {"one": lambda lazy: lazy.collect_async(), "several": lambda lazy: gf.collect_all_async([lazy, lazy])}


@pytest.mark.parametrize("way", WAYS_TO_AWAIT)
def test_what_an_event_loop_cancels_stops(way):
    async def for_a_second():
        await asyncio.wait_for(WAYS_TO_AWAIT[way](gf.sql(ENDLESS)), 1)

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(for_a_second())
    assert time.monotonic() - started < 10
    assert asyncio.run(gf.sql("SELECT 1 AS one").collect_async()).item() == 1


def test_other_threads_run_meanwhile():
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    before = len(ticks)
    gf.sql("SELECT sum(x * y % 7) FROM generate_series(1, 2000) AS a(x) CROSS JOIN generate_series(1, 3000) AS b(y)").collect()
    during = len(ticks) - before
    stop.set()
    thread.join()
    assert during > 5


def test_ctrl_c_is_answered_though_every_thread_of_the_engine_is_in_a_long_step():
    """In a process of its own, which the long steps need not outlive."""
    program = """
import os, signal, threading, time
import gradframe as gf
signal.signal(signal.SIGINT, signal.default_int_handler)
lists = gf.from_dict({"l": [list(range(2_000_000))] * 16})
for _ in range(3):
    threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        lists.select(gf.col("l").list.n_unique())
        print("done")
    except KeyboardInterrupt:
        print("interrupted" if time.monotonic() - started < 3 else "late", flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["interrupted"] * 3, done.stderr
