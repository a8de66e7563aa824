"""Frames in a Jupyter kernel: what a cell shows, its progress, and how it is interrupted."""

import queue
import sys
import threading
import time

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="Jupyter is not installed: notebooks are not tested")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: notebooks are not tested")

from test_waiting import ENDLESS

WITHIN_SECONDS = 60


class Cells:
    """A kernel of this interpreter, and what its cells give."""

    def __init__(self, home):
        self.manager = jupyter_client.KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv[0] = sys.executable
        self.manager.start_kernel(cwd=str(home))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WITHIN_SECONDS)
        self.run("import gradframe as gf\nframe = gf.DataFrame({'n': range(30), 's': ['<b>'] * 30})")

    def run(self, code, while_it_runs=None):
        """The messages of a cell, by type, until the kernel is idle again."""
        request, messages, answered = self.client.execute(code), [], time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < answered:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return messages
            messages.append((kind, content))
            if while_it_runs is not None and kind == "execute_input":
                while_it_runs()
        raise TimeoutError(f"the cell did not end: {code}")

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    cells = Cells(tmp_path_factory.mktemp("notebook"))
    yield cells
    cells.close()


def shown(messages, kind="execute_result"):
    return [content["data"] for found, content in messages if found == kind]


def errors(messages):
    return [content["ename"] for found, content in messages if found == "error"]


def test_a_frame_is_a_table_with_types_and_its_true_height(cells):
    (data,) = shown(cells.run("frame"))
    assert "<table" in data["text/html"] and "shape: (30, 2)" in data["text/html"]
    assert "<small>i64</small>" in data["text/html"] and "&lt;b&gt;" in data["text/html"] and "<td>29</td>" in data["text/html"]
    assert data["text/plain"].startswith("shape: (30, 2)")


def test_what_is_not_run_yet_shows_its_plan(cells):
    (data,) = shown(cells.run("frame.lazy().filter(gf.col('n') > 3)"))
    assert "not run yet" in data["text/html"] and "Filter" in data["text/html"]
    (series,) = shown(cells.run("frame['n']"))
    assert "shape: (30,)" in series["text/plain"]


def test_an_error_names_the_column_in_its_cell(cells):
    ((_, content),) = [message for message in cells.run("frame.select('m')") if message[0] == "error"]
    assert content["ename"] == "PlanError" and "unknown column `m`" in content["evalue"]


def test_long_work_draws_a_bar_and_takes_it_away(cells):
    messages = cells.run(
        "from gradframe import _progress\n_progress.PATIENCE_SECONDS = 0.1\n"
        "gf.sql('SELECT count(*) AS n FROM generate_series(1, 12000) AS a(x) CROSS JOIN generate_series(1, 9000) AS b(y) "
        "WHERE x * y % 7 = 3').collect().item()"
    )
    assert not errors(messages) and shown(messages)
    drawn = shown(messages, "display_data") + shown(messages, "update_display_data")
    assert any("rows read" in data["text/html"] for data in drawn)
    assert drawn[-1]["text/html"] == ""


@pytest.mark.parametrize("way", [".collect()", ".profile()", ".iter_batches(10).__iter__().__next__()"])
def test_a_running_cell_is_interrupted_and_the_kernel_goes_on(cells, way):
    interrupt = threading.Timer(1.0, cells.manager.interrupt_kernel)
    messages = cells.run(f"gf.sql({ENDLESS!r}){way}", while_it_runs=interrupt.start)
    assert errors(messages) == ["KeyboardInterrupt"]
    (data,) = shown(cells.run("frame.lazy().select(gf.col('n').sum()).collect().item()"))
    assert data["text/plain"] == "435"
