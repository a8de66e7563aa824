"""Long work says how far it is, and takes the line away when it is done."""

import io
import threading

import pytest

import gradframe as gf
from gradframe import _progress
from test_waiting import ENDLESS

SLOW_TRAINING = """
    CREATE MODEL slow OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], max_iterations = 60) AS
    SELECT value % 120 AS y, sin(value) AS a, cos(value * value) AS b FROM generate_series(1, 30000)
"""
SLOW_QUERY = "SELECT count(*) FROM generate_series(1, 12000) AS a(x) CROSS JOIN generate_series(1, 9000) AS b(y) WHERE x * y % 7 = 3"


@pytest.fixture
def drawn(monkeypatch):
    calls = []
    monkeypatch.setattr(_progress, "PATIENCE_SECONDS", 0.0)  # a fast machine is done within the usual patience
    monkeypatch.setattr(_progress, "draw", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(_progress, "clear", lambda: calls.append("clear"))
    return calls


def test_a_training_tells_its_epochs_and_clears_the_line(drawn):
    session = gf.Session(in_memory=True, progress=True)
    session.sql(SLOW_TRAINING)
    assert drawn[-1] == "clear" and drawn.count("clear") == 1
    texts = [text for text, done, total, seconds in drawn[:-1]]
    assert all(text.startswith("slow: ") for text in texts)
    assert any("epochs, loss" in text for text in texts)


def test_a_query_tells_the_rows_it_has_read(drawn):
    gf.Session(in_memory=True, progress=True).sql(SLOW_QUERY).collect()
    assert drawn[-1] == "clear"
    assert {text for text, *_ in drawn[:-1]} == {"rows read"}


def test_short_work_and_quiet_sessions_draw_nothing(drawn, monkeypatch):
    monkeypatch.setattr(_progress, "PATIENCE_SECONDS", 60.0)
    gf.Session(in_memory=True, progress=True).sql("SELECT 1 AS one").collect()
    monkeypatch.setattr(_progress, "PATIENCE_SECONDS", 0.0)
    gf.Session(in_memory=True, progress=False).sql(SLOW_QUERY).collect()
    assert drawn == []


def test_a_drawing_that_fails_does_not_fail_the_query(monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no display")

    monkeypatch.setattr(_progress, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(_progress, "draw", fail)
    assert gf.Session(in_memory=True, progress=True).sql(SLOW_QUERY).collect().item() > 0


@pytest.mark.parametrize("function", ["draw", "clear"])
def test_an_interrupt_while_it_draws_is_not_lost(drawn, monkeypatch, function):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(_progress, function, interrupted)
    session = gf.Session(in_memory=True, progress=True)
    with pytest.raises(KeyboardInterrupt):
        session.sql(SLOW_QUERY if function == "clear" else ENDLESS).collect()
    assert session.sql("SELECT 1 AS one").collect().item() == 1


def test_of_several_threads_one_draws(drawn):
    session = gf.Session(in_memory=True, progress=True)
    threads = [threading.Thread(target=lambda: session.sql(SLOW_QUERY).collect()) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert drawn.count("clear") >= 1


def test_a_line_says_what_is_done_of_what():
    assert _progress.line("rows read", 400, 1000, 3.2).endswith(" 40% 400/1,000 rows read, 3 s")
    assert _progress.line("rows read", 1234, None, 0.6) == "1,234 rows read, 1 s"
    assert "&lt;b&gt;" in _progress.html("<b>", 1, 2, 0.0)


def test_on_a_terminal_the_line_is_drawn_over_itself(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(_progress.sys, "stderr", terminal)
    _progress.draw("rows read", 1, 2, 0.0)
    _progress.clear()
    assert terminal.getvalue().count("\r") == 2 and terminal.getvalue().endswith("\x1b[K")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert _progress.wanted()
