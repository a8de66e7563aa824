"""Traces by the real MLflow clients, 2.22 and 3, and as tables."""

from mlflow_client import both_clients, run_program

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
