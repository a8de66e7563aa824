"""Traces by the real MLflow clients, 2.22 and 3, and as tables."""

from mlflow_client import CLIENT_3, both_clients, run_program

import gradframe as gf


@both_clients
def test_the_unmodified_client_traces_calls(python, tmp_path):
    home = run_program("uses_traces.py", python, tmp_path)
    session = gf.Session(home=home)
    spans = session.sql(
        "SELECT t.name, s.name, s.span_type, s.outputs, t.run <> '' FROM gradframe.spans AS s JOIN gradframe.traces AS t USING (trace) "
        "WHERE t.name = 'answer' AND s.parent IS NOT NULL ORDER BY t.started, s.started LIMIT 2"
    )
    kept = [row[:3] + row[4:] for row in spans.collect().rows()]
    assert kept == [("answer", "retrieve", "RETRIEVER", True), ("answer", "write", "LLM", True)]
    took = session.sql("SELECT count(*), min(duration_us) >= 0 FROM gradframe.traces WHERE state = 'OK' AND experiment = 'traced'")
    assert took.collect().rows() == [(3, True)]


def test_spans_of_opentelemetry_are_traces_too(tmp_path):
    home = run_program("uses_otlp.py", CLIENT_3, tmp_path)
    session = gf.Session(home=home)
    spans = "SELECT name, span_type, status, count(*) FROM gradframe.spans GROUP BY 1, 2, 3 ORDER BY 1"
    assert session.sql(spans).collect().rows() == [
        ("answer", "UNKNOWN", "UNSET", 3),
        ("ask", "CHAT_MODEL", "UNSET", 3),
        ("by_mlflow", "CHAIN", "OK", 1),
        ("look up", "RETRIEVER", "ERROR", 3),
    ]
    traces = session.sql("SELECT DISTINCT experiment, state FROM gradframe.traces").collect().rows()
    assert traces == [("otlp", "OK")]


@both_clients
def test_traces_travel_with_their_run(python, tmp_path):
    session = gf.Session(home=run_program("uses_traces.py", python, tmp_path))
    [(run,)] = session.sql("SELECT DISTINCT run FROM gradframe.traces WHERE run <> ''").collect().rows()
    question = """
        SELECT trace, t.name, s.name, s.inputs, t.experiment FROM gradframe.spans AS s JOIN gradframe.traces AS t USING (trace)
        WHERE t.run <> '' ORDER BY trace, s.started, s.span
    """
    kept = session.sql(question).collect().rows()
    assert len(kept) == 6
    session.export_run(run, tmp_path / "exported")
    other = gf.Session(home=tmp_path / "other")
    other.import_runs(tmp_path / "exported")
    assert other.sql(question).collect().rows() == kept
