"""A program whose calls OpenTelemetry's own exporter sends, and one that MLflow 3 sends by OpenTelemetry; MLflow's client finds both.

Run by `test_mlflow_traces.py` with the client of MLflow 3; says what it has found wrong by an assertion.
"""

import os
import subprocess
import sys

os.environ["GIT_PYTHON_REFRESH"] = "quiet"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

ADDRESS = f"{os.environ['MLFLOW_TRACKING_URI']}/v1/traces"
client = mlflow.MlflowClient()


def traced_by_mlflow():
    @mlflow.trace(span_type="CHAIN", attributes={"k": 3})
    def by_mlflow(question):
        return [question, "é 🚕"]

    by_mlflow("why")
    mlflow.flush_trace_async_logging()


def exports(experiment, processor, **options):
    """A trace of three calls; of a simple processor each is a request of its own."""
    exporter = OTLPSpanExporter(endpoint=ADDRESS, headers={"x-mlflow-experiment-id": experiment}, **options)
    provider = TracerProvider()
    provider.add_span_processor(processor(exporter))
    tracer = provider.get_tracer("test")
    said = {"input.value": '{"q": 1}', "output.value": "forty-two", "k": 3, "ratio": 0.5, "many": ["a", "b"], "is": True}
    with tracer.start_as_current_span("answer", attributes=said) as root:
        with tracer.start_as_current_span("ask", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "é 🚕"}) as asked:
            asked.add_event("first token", {"after_ms": 7})
        with tracer.start_as_current_span("look up", attributes={"openinference.span.kind": "RETRIEVER"}) as failed:
            failed.set_status(Status(StatusCode.ERROR, "no answer"))
        trace = f"tr-{root.get_span_context().trace_id:032x}"
    provider.shutdown()
    return trace


def is_found(trace):
    got = client.get_trace(trace)
    assert [span.name for span in got.data.spans] == ["answer", "ask", "look up"], got.data.spans
    root, asked, failed = got.data.spans
    assert root.inputs == {"q": 1} and root.outputs == "forty-two", root
    assert root.attributes["k"] == 3 and root.attributes["ratio"] == 0.5 and root.attributes["many"] == ["a", "b"], root.attributes
    assert root.attributes["is"] is True and root.parent_id is None and asked.parent_id == root.span_id, root
    assert asked.span_type == "CHAT_MODEL" and asked.attributes["gen_ai.request.model"] == "é 🚕", asked
    assert asked.events[0].name == "first token" and asked.events[0].attributes == {"after_ms": 7}, asked.events
    assert failed.span_type == "RETRIEVER" and failed.status.description == "no answer", failed.status
    assert str(got.info.state).endswith("OK") and got.info.execution_time_ms is not None, got.info


if __name__ == "__main__":
    if sys.argv[1:] == ["by mlflow"]:
        sys.exit(traced_by_mlflow())
    experiment = mlflow.set_experiment("otlp").experiment_id
    sent = [
        exports(experiment, SimpleSpanProcessor),
        exports(experiment, BatchSpanProcessor, compression=Compression.Gzip),
        exports(experiment, BatchSpanProcessor, compression=Compression.Deflate),
    ]
    for trace in sent:
        is_found(trace)
    found = client.search_traces(locations=[experiment], filter_string="span.type = 'CHAT_MODEL'")
    assert {trace.info.trace_id for trace in found} == set(sent), found
    client.set_trace_tag(sent[0], "checked", "yes")
    mlflow.log_feedback(trace_id=sent[0], name="right", value=True)
    assert client.get_trace(sent[0]).info.assessments[0].feedback.value is True

    options = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ADDRESS, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
    options["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = f"x-mlflow-experiment-id={experiment}"
    subprocess.run([sys.executable, __file__, "by mlflow"], env={**os.environ, **options}, check=True)
    [span] = client.search_traces(locations=[experiment], filter_string="name = 'by_mlflow'")[0].data.spans
    assert span.inputs == {"question": "why"} and span.outputs == ["why", "é 🚕"] and span.span_type == "CHAIN", span
    assert span.attributes["k"] == 3, span.attributes
    print(f"all well with {mlflow.__version__}", file=sys.stderr)
