"""Models that are on the hub and not here. The hub is `hub_server.py`; each program of a user's runs in a process of its own, since the
hub's variables are read when a session begins."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
from hub_server import COMMIT, Hub

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "slt" / "data" / "models"
NAME = "acme/embedder"
PROGRAM = f"""
import gradframe as gf
print(gf.models.SentenceTransformer("{NAME}").encode("a dog ran").tolist())
"""


def ran(program, tmp_path, endpoint, **variables):
    own = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": endpoint, "GRADFRAME_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=inherited | own | variables, capture_output=True, text=True, timeout=120, check=False)


def expected():
    import gradframe as gf

    return gf.models.SentenceTransformer(MODELS / "embedder").encode("a dog ran").tolist()


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def hub():
    with Hub.of_directory(NAME, MODELS / "embedder") as hub:
        hub.files |= {"pytorch_model.bin": b"x" * 100, "onnx/model.onnx": b"x" * 100, "consolidated.safetensors": b"x" * 100}
        yield hub


def test_a_name_of_the_hub_is_downloaded_once(hub, tmp_path):
    assert answer(ran(PROGRAM, tmp_path, hub.endpoint)) == expected()
    resolved = {path.split("/resolve/")[1].split("/", 1)[1] for path in hub.asked if "/resolve/" in path}
    assert "model.safetensors" in resolved and "config.json" in resolved
    assert not {"pytorch_model.bin", "onnx/model.onnx", "consolidated.safetensors"} & resolved
    hub.asked.clear()
    assert answer(ran(PROGRAM, tmp_path, hub.endpoint)) == expected()
    assert hub.asked == []
    snapshot = tmp_path / "hf" / "hub" / "models--acme--embedder" / "snapshots" / COMMIT
    assert (snapshot / "model.safetensors").is_symlink()


def test_the_cache_is_that_of_the_hubs_own_client(hub, tmp_path):
    answer(ran(PROGRAM, tmp_path, hub.endpoint))
    known = f"import json, huggingface_hub as h; print(json.dumps(h.snapshot_download('{NAME}', local_files_only=True)))"
    ours = answer(ran(known, tmp_path, "http://127.0.0.1:9"))
    names = [str(file.relative_to(ours)) for file in pathlib.Path(ours).rglob("*") if file.is_file()]
    fetch = f"""
import json, huggingface_hub
print(json.dumps([huggingface_hub.hf_hub_download("{NAME}", name) for name in {names}]))
"""
    there = {"HF_HUB_CACHE": str(tmp_path / "theirs"), "HF_HUB_DISABLE_XET": "1"}
    theirs = dict(zip(names, answer(ran(fetch, tmp_path, hub.endpoint, **there)), strict=True))
    for name in names:
        assert pathlib.Path(ours, name).read_bytes() == pathlib.Path(theirs[name]).read_bytes(), name
    hub.asked.clear()
    assert answer(ran(PROGRAM, tmp_path, hub.endpoint, HF_HUB_CACHE=str(tmp_path / "theirs"))) == expected()
    assert hub.asked == []


def test_sql_downloads_as_python_does(hub, tmp_path):
    program = f"""
import gradframe as gf
gf.sql("CREATE MODEL e OPTIONS (model_type = 'huggingface', path = '{NAME}@{COMMIT}')")
rows = gf.sql("SELECT content, ml_generate_embedding_result AS v FROM ML.GENERATE_EMBEDDING(MODEL e, (SELECT 'a dog ran' AS content))")
print(rows.collect()["v"].to_list()[0])
"""
    assert answer(ran(program, tmp_path, hub.endpoint)) == expected()
    assert answer(ran(f"import gradframe as gf; print(gf.sql(\"SELECT * FROM weights('{NAME}@{COMMIT}')\").collect().height > 0 and 1)", tmp_path, "http://127.0.0.1:9")) == 1


def test_an_interrupted_download_goes_on(tmp_path):
    large = max((MODELS / "embedder").rglob("*"), key=lambda file: file.stat().st_size if file.is_file() else 0)
    with Hub.of_directory(NAME, MODELS / "embedder", cut=large.stat().st_size // 2) as hub:
        assert answer(ran(PROGRAM, tmp_path, hub.endpoint)) == expected()
        assert hub.cut is None


def test_half_a_snapshot_is_made_whole(hub, tmp_path):
    snapshot = tmp_path / "hf" / "hub" / "models--acme--embedder" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMIT)
    (snapshot / "config.json").write_bytes((MODELS / "embedder" / "config.json").read_bytes())
    done = ran(PROGRAM, tmp_path, hub.endpoint, HF_HUB_OFFLINE="1")
    assert done.returncode == 1 and "has neither model.safetensors" in done.stderr, done.stderr
    assert answer(ran(PROGRAM, tmp_path, hub.endpoint)) == expected()


def test_processes_that_start_together_download_once(hub, tmp_path):
    own = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.endpoint, "GRADFRAME_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}
    start = [subprocess.Popen([sys.executable, "-c", PROGRAM], env=os.environ | own | {"HF_HUB_OFFLINE": "0"}, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert all(json.loads(process.communicate(timeout=120)[0]) == expected() for process in start)


@pytest.mark.parametrize("said", ["../../..", "/etc", "x" * 5000, None], ids=["up", "absolute", "long", "pipe"])
def test_a_revision_that_says_no_commit_is_named_and_nothing_is_downloaded_over_it(hub, tmp_path, said):
    refs = tmp_path / "hf" / "hub" / f"models--{NAME.replace('/', '--')}" / "refs"
    refs.mkdir(parents=True)
    if said is None:
        os.mkfifo(refs / "main")
    else:
        (refs / "main").write_text(said)
    hub.asked.clear()
    done = ran(PROGRAM, tmp_path, hub.endpoint)
    assert done.returncode == 1 and "ExecutionError" in done.stderr and "refs/main" in done.stderr, done.stderr
    assert hub.asked == []


@pytest.mark.parametrize(
    ("variables", "program", "words"),
    [
        ({"HF_HUB_OFFLINE": "1"}, PROGRAM, "the hub's cache has no"),
        ({}, PROGRAM.replace(f'"{NAME}"', f'"{NAME}", local_files_only=True'), "the hub's cache has no"),
        ({}, PROGRAM.replace(NAME, "acme/embeder"), "has no such model"),
        ({}, PROGRAM.replace(NAME, f"{NAME}@never"), "has no such model"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, PROGRAM, "cannot be had from http://127.0.0.1:9"),
        ({"HF_ENDPOINT": "nonsense"}, PROGRAM, "cannot be had from nonsense"),
    ],
)
def test_what_is_not_there_is_said(hub, tmp_path, variables, program, words):
    done = ran(program, tmp_path, hub.endpoint, **variables)
    assert done.returncode == 1 and words in done.stderr and "ExternalError" in done.stderr, done.stderr
    assert "hint" in done.stderr


def test_private_models_take_a_token(tmp_path):
    with Hub.of_directory(NAME, MODELS / "embedder", token="hf_secret") as hub:
        done = ran(PROGRAM, tmp_path, hub.endpoint)
        assert done.returncode == 1 and "HF_TOKEN" in done.stderr
        assert "hf_secret" not in ran(PROGRAM, tmp_path, hub.endpoint, HF_TOKEN="hf_secret_x").stderr
        assert answer(ran(PROGRAM.replace(f'"{NAME}"', f'"{NAME}", token="hf_secret"'), tmp_path, hub.endpoint)) == expected()
        assert answer(ran(PROGRAM, tmp_path / "other", hub.endpoint, HF_TOKEN="hf_secret")) == expected()


def test_a_model_without_safetensors_is_refused_before_it_is_downloaded(tmp_path):
    with Hub(NAME, {"config.json": b"{}", "pytorch_model.bin": b"x"}) as hub:
        done = ran(PROGRAM, tmp_path, hub.endpoint)
        assert done.returncode == 1 and "has no model.safetensors" in done.stderr, done.stderr
        assert not any("/resolve/" in path for path in hub.asked)


def test_a_hub_that_says_nothing_is_an_error(tmp_path):
    with Hub(NAME, {}, mute=True) as hub:
        start = time.monotonic()
        done = ran(PROGRAM, tmp_path, hub.endpoint)
        assert done.returncode == 1 and "cannot be had" in done.stderr, done.stderr
        assert time.monotonic() - start < 40


def test_names_of_files_lead_nowhere_else(tmp_path):
    files = {str(f.relative_to(MODELS / "embedder")): f.read_bytes() for f in (MODELS / "embedder").rglob("*") if f.is_file()}
    with Hub(NAME, files | {"../../../evil.json": b"{}", "1_x/../../evil.json": b"{}"}) as hub:
        assert answer(ran(PROGRAM, tmp_path, hub.endpoint)) == expected()
    assert not list(tmp_path.rglob("evil.json"))
