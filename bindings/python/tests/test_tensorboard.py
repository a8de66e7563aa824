"""Event files that the real TensorBoard reads, and event files that it has written, taken in."""

import struct

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
    with session.run("all kinds", params={"lr": 0.1, "kind": "adam"}, code=False) as run:
        for step in range(5):
            run.log({"loss/train": 1 / (step + 1), "odd": float("nan")}, step=step)
        run.log_histogram("weights", np.arange(100.0), bins=10, step=3)
        run.log_image("confusion", np.zeros((4, 6, 3), dtype="uint8"), step=3)
        run.log_text("notes/first", "**hello**", step=1)
    return run, session.export_tensorboard(run.id, tmp_path / "logs")


def test_the_real_tensorboard_reads_what_is_exported(exported):
    run, file = exported
    assert run.id in str(file) and file.parent.parent.name == "logs"
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


def test_tensorboards_own_pages_show_it(exported):
    """By the functions behind the pages: scalars, histograms, images, texts, hyper-parameters."""
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins.hparams import plugin_data_pb2

    _, file = exported
    runs = plugin_event_multiplexer.EventMultiplexer()
    runs.AddRunsFromDirectory(str(file.parent.parent))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(file.parent.parent))
    asked = {"experiment_id": "", "plugin_name": "scalars"}
    scalars = provider.list_scalars(context.RequestContext(), **asked)
    assert {tag for tags in scalars.values() for tag in tags} == {"loss/train", "odd"}
    for plugin, tag in [("histograms", "weights"), ("text", "notes/first")]:
        found = provider.list_tensors(context.RequestContext(), experiment_id="", plugin_name=plugin)
        assert tag in {tag for tags in found.values() for tag in tags}, plugin
    images = provider.list_blob_sequences(context.RequestContext(), experiment_id="", plugin_name="images")
    assert "confusion" in {tag for tags in images.values() for tag in tags}
    [run] = runs.Runs()
    metadata = runs.GetAccumulator(run).SummaryMetadata("_hparams_/session_start_info")
    data = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
    hparams = data.session_start_info.hparams
    assert (hparams["lr"].number_value, hparams["kind"].string_value) == (0.1, "adam")


def test_what_is_exported_comes_back(exported, tmp_path):
    _, file = exported
    other = gf.Session(home=tmp_path / "other")
    [run] = other.import_runs(file.parent.parent)
    assert dict(other.sql("SELECT name, value FROM gradframe.params").collect().rows()) == {"lr": "0.1", "kind": "adam"}
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
    writer = EventFileWriter(str(tmp_path / "logs" / "train"))
    for step in range(3):
        value = summary_pb2.Summary.Value(tag="accuracy", simple_value=step / 4)
        writer.add_event(event_pb2.Event(wall_time=1000.5 + step, step=step, summary=summary_pb2.Summary(value=[value])))
    writer.close()
    [run] = session.import_runs(tmp_path / "logs")
    assert session.sql("SELECT title, experiment, status FROM gradframe.runs").collect().rows() == [("train", "tensorboard", "finished")]
    rows = session.sql("SELECT step, value, arrow_cast(time, 'Int64') FROM gradframe.metrics ORDER BY step").collect().rows()
    assert rows == [(step, step / 4, 1_000_500_000 + 1_000_000 * step) for step in range(3)]
    assert run


def test_a_torn_tail_is_left_out_and_damage_is_said(exported, tmp_path):
    _, file = exported
    content = file.read_bytes()
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / file.name).write_bytes(content[:-7])
    other = gf.Session(home=tmp_path / "other")
    assert len(other.import_runs(torn)) == 1
    damaged = bytearray(content)
    [length] = struct.unpack("<Q", content[:8])
    damaged[12 + length + 4 + 20] ^= 1
    (torn / file.name).write_bytes(bytes(damaged))
    with pytest.raises(gf.errors.ExecutionError, match=r"damaged.*byte"):
        other.import_runs(torn)
    assert other.sql("SELECT count(*) FROM gradframe.runs").collect().item() == 1, "half a run is none"
