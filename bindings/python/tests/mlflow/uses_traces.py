"""A program that traces its calls with MLflow's client, of 2.22 or 3, and knows of its server by MLFLOW_TRACKING_URI alone.

Run by `test_mlflow_traces.py` with each client; says what it has found wrong by an assertion.
"""

import os
import sys

os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow
from mlflow.exceptions import MlflowException

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
client = mlflow.MlflowClient()


@mlflow.trace(span_type="RETRIEVER")
def retrieve(question):
    return [f"about {question}", "é 🚕"]


@mlflow.trace(name="answer", span_type="CHAIN", attributes={"k": 3})
def answer(question):
    found = retrieve(question)
    with mlflow.start_span("write", span_type="LLM") as span:
        span.set_inputs({"found": found})
        span.set_outputs("forty-two")
    return f"{question}: forty-two"


@mlflow.trace
def fails():
    raise ValueError("no answer")


def ids(traces):
    return [t.info.trace_id if IS_3 else t.info.request_id for t in traces]


def traces_calls(experiment):
    """Calls, the spans within them, and what is found of them."""
    with mlflow.start_run(run_name="asked") as run:
        for question in ["why", "when"]:
            answer(question)
    try:
        fails()
    except ValueError:
        pass
    all_of = client.search_traces([experiment], order_by=["timestamp_ms ASC"])
    assert len(all_of) == 3, all_of
    first = all_of[0]
    assert [span.name for span in first.data.spans] == ["answer", "retrieve", "write"], first.data.spans
    root, retrieved, written = first.data.spans
    assert root.inputs == {"question": "why"} and root.outputs == "why: forty-two", root
    assert retrieved.parent_id == root.span_id and retrieved.span_type == "RETRIEVER" and retrieved.outputs[1] == "é 🚕", retrieved
    assert written.inputs == {"found": retrieved.outputs} and root.get_attribute("k") == 3, written
    assert str(first.info.status).endswith("OK") and first.info.execution_time_ms is not None, first.info

    failed = client.search_traces([experiment], "status = 'ERROR'")
    assert ids(failed) == ids(all_of[2:]) and failed[0].data.spans[0].status.description, failed
    assert ids(client.search_traces([experiment], "name = 'answer'", order_by=["timestamp_ms DESC"])) == ids(all_of[1::-1])
    in_run = {"locations": [experiment], "run_id": run.info.run_id} if IS_3 else {"experiment_ids": [experiment], "filter_string": f"run_id = '{run.info.run_id}'"}
    of_run = client.search_traces(**in_run)
    assert set(ids(of_run)) == set(ids(all_of[:2])), of_run
    page = client.search_traces([experiment], max_results=2)
    assert len(page) == 2 and page.token
    assert len(client.search_traces([experiment], max_results=2, page_token=page.token)) == 1
    try:
        client.search_traces([experiment], "colour = 'red'")
    except MlflowException as error:
        assert "colour" in str(error), error
    else:
        raise AssertionError("a filter of nothing is taken")
    return ids(all_of)


def describes(experiment, trace):
    """Tags, one trace by its identifier, the table of traces."""
    client.set_trace_tag(trace, "checked", "yes")
    got = mlflow.get_trace(trace)
    assert got.info.tags["checked"] == "yes" and len(got.data.spans) == 3, got
    assert ids(client.search_traces([experiment], "tags.checked = 'yes'")) == [trace]
    client.delete_trace_tag(trace, "checked")
    assert "checked" not in mlflow.get_trace(trace).info.tags
    frame = mlflow.search_traces(experiment_ids=[experiment])
    assert len(frame) == 3 and trace in set(frame["trace_id" if IS_3 else "request_id"]), frame


def spans_by_hand(experiment):
    """A trace that a client begins and ends itself."""
    root = client.start_trace("by hand", inputs={"x": 1}, experiment_id=experiment)
    trace = root.trace_id if IS_3 else root.request_id
    child = client.start_span("part", trace, parent_id=root.span_id, inputs=[1])
    client.end_span(trace, child.span_id, outputs=2)
    client.end_trace(trace, outputs={"y": 2})
    got = client.get_trace(trace)
    assert [span.name for span in got.data.spans] == ["by hand", "part"] and got.data.spans[0].outputs == {"y": 2}, got


def assesses(trace):
    """Feedback and what was expected."""
    from mlflow.entities import AssessmentSource

    person = AssessmentSource(source_type="HUMAN", source_id="ann")
    given = mlflow.log_feedback(trace_id=trace, name="right", value=True, rationale="so it is", source=person)
    expected = mlflow.log_expectation(trace_id=trace, name="expected", value="forty-two", source=person)
    found = {a.name: a for a in mlflow.get_trace(trace).info.assessments}
    assert found["right"].feedback.value is True and found["right"].rationale == "so it is", found
    assert found["expected"].expectation.value == "forty-two" and found["expected"].source.source_id == "ann", found
    mlflow.update_assessment(trace, given.assessment_id, mlflow.entities.Feedback(name="right", value=False, source=person))
    assert mlflow.get_assessment(trace, given.assessment_id).feedback.value is False
    mlflow.override_feedback(trace_id=trace, assessment_id=given.assessment_id, value=True, source=person)
    valid = [a.feedback.value for a in mlflow.get_trace(trace).info.assessments if a.name == "right" and a.valid]
    assert valid == [True], mlflow.get_trace(trace).info.assessments
    mlflow.delete_assessment(trace, expected.assessment_id)
    mlflow.delete_assessment(trace, expected.assessment_id)
    assert "expected" not in [a.name for a in mlflow.get_trace(trace).info.assessments]


if __name__ == "__main__":
    experiment = mlflow.set_experiment("traced").experiment_id
    traces = traces_calls(experiment)
    describes(experiment, traces[0])
    spans_by_hand(experiment)
    if IS_3:
        assesses(traces[1])
    deleted = {"trace_ids" if IS_3 else "request_ids": [traces[2]]}
    assert client.delete_traces(experiment, **deleted) == 1
    assert len(client.search_traces([experiment])) == 3
    print(f"all well with {mlflow.__version__}", file=sys.stderr)
