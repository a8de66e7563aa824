"""Event files that the real TensorBoard reads, and event files that it has written, taken in."""

import json
import re
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest

import gradframe as gf

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

EVERYTHING = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}


@pytest.fixture
def exported(session, tmp_path):
    """A run with all kinds of things, and its event file."""
    with session.run("all kinds", params={"lr": 0.1, "kind": "adam", "on": True}, code=False) as run:
        for step in range(5):
            run.log({"loss/train": 1 / (step + 1), "odd": float("nan")}, step=step)
        run.log_histogram("weights", np.arange(100.0), bins=10, step=3)
        run.log_image("confusion", np.zeros((4, 6, 3), dtype="uint8"), step=3)
        run.log_text("notes/first", "**hello**", step=1)
    return run, session.export_tensorboard(run.id, tmp_path / "logs")


def test_the_real_tensorboard_reads_what_is_exported(exported, tmp_path):
    run, file = exported
    assert file.parent == tmp_path / "logs" / "all kinds" / run.id
    events = EventAccumulator(str(file.parent), size_guidance=EVERYTHING)
    events.Reload()
    loss = events.Scalars("loss/train")
    assert [event.step for event in loss] == [0, 1, 2, 3, 4]
    assert [event.value for event in loss] == [float(np.float32(1 / (step + 1))) for step in range(5)]
    [histogram] = events.Histograms("weights")
    assert histogram.step == 3 and sum(histogram.histogram_value.bucket) == 100 == histogram.histogram_value.num
    [image] = events.Images("confusion")
    assert (image.width, image.height) == (6, 4) and image.encoded_image_string.startswith(b"\x89PNG")
    [text] = events.Tensors("notes/first")
    assert text.tensor_proto.string_val[0] == b"**hello**"


@pytest.fixture(params=["false", "true"], ids=["its reader in Python", "its reader in Rust"])
def pages(request, exported, tmp_path):
    """Asks the real TensorBoard, over HTTP, as its pages do."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path / "logs"), "--port", "0"]
    command += ["--load_fast", request.param, "--reload_interval", "1", "--samples_per_plugin", "text=100"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if address := re.search(r"http://\S+", line):
            break
    base = f"{address.group().rstrip('/')}/data"

    def ask(path, body=None, **query):
        url = f"{base}/{path}?{urllib.parse.urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, content, headers)) as answer:
            return json.loads(answer.read())

    for _ in range(100):
        if ask("runs"):
            break
        time.sleep(0.1)
    yield ask
    server.kill()
    server.wait()


def test_tensorboards_pages_show_it(session, exported, pages, tmp_path):
    run, _ = exported
    name = f"all kinds/{run.id}"
    assert pages("runs") == [name]
    assert set(pages("plugin/scalars/tags")[name]) == {"loss/train", "odd"}
    loss = pages("plugin/scalars/scalars", run=name, tag="loss/train")
    assert [(step, value) for _, step, value in loss] == [(step, float(np.float32(1 / (step + 1)))) for step in range(5)]
    ((_, step, bins),) = pages("plugin/histograms/histograms", run=name, tag="weights")
    assert step == 3 and sum(count for *_, count in bins) == 100
    (image,) = pages("plugin/images/images", run=name, tag="confusion", sample=0)
    assert image["step"] == 3
    (text,) = pages("plugin/text/text", run=name, tag="notes/first")
    assert text["text"] == "<p><strong>hello</strong></p>"
    groups = pages("plugin/hparams/session_groups", {"startIndex": 0, "sliceSize": 10, "colParams": [], "allowedStatuses": STATUSES})
    (group,) = groups["sessionGroups"]
    assert group["hparams"] == {"lr": 0.1, "kind": "adam", "on": True}
    (one,) = group["sessions"]
    assert (one["name"], one["status"]) == (name, "STATUS_SUCCESS")


STATUSES = ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"]


def test_what_is_exported_comes_back(exported, tmp_path):
    _, file = exported
    other = gf.Session(home=tmp_path / "other")
    [run] = other.import_runs(tmp_path / "logs")
    assert other.import_runs(tmp_path / "logs") == [], "each once"
    assert dict(other.sql("SELECT name, value FROM gradframe.params").collect().rows()) == {"lr": "0.1", "kind": "adam", "on": "true"}
    curve = other.sql("SELECT step, value FROM gradframe.metrics WHERE name = 'loss/train' ORDER BY step").collect().rows()
    assert curve == [(step, float(np.float32(1 / (step + 1)))) for step in range(5)]
    kinds = other.sql("SELECT kind, path FROM gradframe.artifacts ORDER BY kind").collect().rows()
    assert kinds == [
        ("histogram", "weights/000000003.parquet"),
        ("image", "confusion/000000003.png"),
        ("text", "notes/first/000000001.txt"),
    ]
    assert other.read_artifact(run, "weights/000000003.parquet").collect()["count"].sum() == 100
    assert other.sql("SELECT status FROM gradframe.runs").collect().item() == "finished"


def test_what_tensorboard_writes_is_taken_in(session, tmp_path):
    """Summaries as TensorFlow's `tf.summary` and PyTorch's `SummaryWriter` make them, by TensorBoard's own functions."""
    from tensorboard.compat.proto import tensor_pb2, types_pb2
    from tensorboard.plugins.histogram import metadata as histograms
    from tensorboard.plugins.image import metadata as images
    from tensorboard.plugins.scalar import metadata as scalars
    from tensorboard.plugins.text import metadata as texts
    from tensorboard.util import tensor_util

    writer = EventFileWriter(str(tmp_path / "logs" / "train" / "fold1"))

    def add(step, tag, **value):
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, **value)])
        writer.add_event(event_pb2.Event(wall_time=1000.5 + step, step=step, summary=summary))

    def tensor(value, metadata=None, step=0, tag="", dtype=None):
        known = {} if metadata is None else {"metadata": metadata.create_summary_metadata("", "")}
        add(step, tag, tensor=tensor_util.make_tensor_proto(value, dtype=dtype), **known)

    for step in range(3):
        add(step, "accuracy", simple_value=step / 4)
        # Only the first need say which plugin it is for.
        tensor(np.float64(step) / 10, scalars if step == 0 else None, step, "loss")
        tensor(np.array([[0.0, 1.0, 2.0], [1.0, 4.0, 3.0 + step]]), histograms if step == 0 else None, step, "w")
    add(5, "old", histo=summary_pb2.HistogramProto(min=0, max=2, num=3, bucket_limit=[1, 1e308], bucket=[1, 2]))
    png = b"\x89PNG\r\n\x1a\n one"
    tensor([b"6", b"4", png, png + b" more"], images, 1, "picture")
    tensor(["a", "b"], texts, 2, "words")
    add(2, "../../etc", image=summary_pb2.Summary.Image(height=1, width=1, encoded_image_string=b"GIF89a"))
    add(2, "curve", tensor=tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT), metadata=plugin_metadata("pr_curves"))
    writer.close()
    [run] = session.import_runs(tmp_path / "logs")
    found = session.sql("SELECT title, experiment, status, started FROM gradframe.runs").collect().rows()
    assert [row[:3] for row in found] == [("train/fold1", "logs", "finished")]
    assert found[0][3].timestamp() < 1001
    rows = session.sql("SELECT name, step, value, arrow_cast(time, 'Int64') FROM gradframe.metrics ORDER BY name, step").collect().rows()
    times = [1_000_500_000 + 1_000_000 * step for step in range(3)]
    expected = [("accuracy", step, step / 4, times[step]) for step in range(3)]
    assert rows == expected + [("loss", step, step / 10, times[step]) for step in range(3)]
    paths = session.sql("SELECT path FROM gradframe.artifacts ORDER BY path").collect().rows()
    assert [path for (path,) in paths] == [
        "%2E%2E/%2E%2E/etc/000000002.gif",
        "old/000000005.parquet",
        "picture/000000001.1.png",
        "picture/000000001.png",
        "w/000000000.parquet",
        "w/000000001.parquet",
        "w/000000002.parquet",
        "words/000000002.txt",
    ]
    assert session.read_artifact(run, "w/000000002.parquet").collect().rows() == [(0, 1, 2), (1, 4, 5)]
    assert session.read_artifact(run, "old/000000005.parquet").collect().rows() == [(0, 1, 1), (1, 2, 2)]
    assert session.artifact(run, "words/000000002.txt").read_text() == "a\nb"
    assert session.artifact(run, "picture/000000001.1.png").read_bytes() == png + b" more"
    note = session.sql("SELECT value FROM gradframe.tags WHERE name = 'import.note'").collect().item()
    assert note == "left out: 1 of `pr_curves`"


def plugin_metadata(name):
    return summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=name))


def test_a_torn_tail_is_left_out_and_damage_is_said(exported, tmp_path):
    _, file = exported
    content = file.read_bytes()
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / file.name).write_bytes(content[:-7])
    other = gf.Session(home=tmp_path / "other")
    assert len(other.import_runs(torn)) == 1
    assert "not written to its end" in other.sql("SELECT value FROM gradframe.tags WHERE name = 'import.note'").collect().item()
    damaged = bytearray(content)
    [length] = struct.unpack("<Q", content[:8])
    damaged[12 + length + 4 + 20] ^= 1
    (torn / file.name).write_bytes(bytes(damaged))
    with pytest.raises(gf.errors.ExecutionError, match=rf"{re.escape(file.name)}.*at byte {16 + length} "):
        other.import_runs(torn)
    assert other.sql("SELECT count(*) FROM gradframe.runs").collect().item() == 1, "half a run is none"
