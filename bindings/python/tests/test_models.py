"""Pretrained models: by themselves, as verbs of frames, and the examples of docs/models.md."""

import json
import pathlib

import numpy as np
import pytest

import gradframe as gf

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "slt" / "data" / "models"
TEXTS = ["the cat sat on the mat", "a dog ran", None, "the cat sat on the mat", ""]


@pytest.fixture
def embedder():
    return gf.models.SentenceTransformer(MODELS / "embedder")


def test_a_frame_embeds_as_the_model_does(embedder):
    frame = gf.from_dict({"id": [1, 2, 3, 4, 5], "line": TEXTS})
    found = frame.embed(embedder, "line", name="v")
    assert found.columns == ["id", "line", "v"]
    vectors = found["v"].to_list()
    assert vectors[2] is None and vectors[0] == vectors[3]
    expected = embedder.encode([text for text in TEXTS if text is not None])
    assert np.array_equal(np.array([v for v in vectors if v is not None], dtype="f4"), expected)
    assert embedder.encode("a dog ran").shape == (8,)


def test_sql_and_frames_are_of_one_mind(embedder, tmp_path):
    gf.sql(f"CREATE OR REPLACE MODEL e OPTIONS (model_type = 'huggingface', path = '{MODELS / 'embedder'}')")
    lines = gf.from_dict({"content": ["a dog ran", "the cat"]})
    in_sql = gf.sql("SELECT ml_generate_embedding_result AS v FROM ML.GENERATE_EMBEDDING(MODEL e, TABLE lines)", lines=lines)
    assert in_sql.collect()["v"].to_list() == lines.embed("e")["embedding"].to_list()


def test_a_lazy_frame_shows_the_operator(embedder):
    plan = gf.from_dict({"n": [1, 2], "line": ["a", "b"]}).lazy().embed(embedder, "line").filter(gf.col("n") > 1).explain()
    assert "Embed" in plan


def test_texts_are_continued_and_labelled():
    teller = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    tokenizer = gf.models.AutoTokenizer.from_pretrained(MODELS / "teller")
    ids = tokenizer.encode("the cat")
    whole = teller.generate(ids, max_new_tokens=4)
    new = whole[len(ids) :]
    assert whole[: len(ids)] == ids and 0 < len(new) <= 4 and teller.generate([ids, ids], max_new_tokens=4) == [whole, whole]
    frame = gf.from_dict({"prompt": ["the cat", None, "cat " * 16]})
    assert frame.generate(teller, strict=False, max_new_tokens=4)["generated"].to_list() == [tokenizer.decode(new), None, None]
    with pytest.raises(gf.errors.ExecutionError, match="fewer than the context of 16"):
        frame.generate(teller, max_new_tokens=4).lazy().collect()
    grader = gf.models.pipeline("text-classification", MODELS / "grader")
    all_labels = grader("the dog ran", top_k=2)
    assert {row["label"] for row in all_labels} == {"dull", "lively"}
    assert sum(row["score"] for row in all_labels) == pytest.approx(1, abs=1e-6)
    labelled = gf.from_dict({"line": ["the dog ran"]}).classify(gf.models.AutoModel.from_pretrained(MODELS / "grader"))
    assert labelled["label"].to_list() == [all_labels[0]["label"]]


def test_tokenizers_speak_as_transformers_do():
    tokenizer = gf.models.AutoTokenizer.from_pretrained(MODELS / "embedder")
    found = tokenizer(["the cat", "a big red dog"], padding=True)
    assert found["input_ids"] == [[2, 4, 6, 3, 0, 0], [2, 5, 16, 14, 7, 3]]
    assert found["attention_mask"] == [[1, 1, 1, 1, 0, 0], [1] * 6]
    assert tokenizer("the cat", "a dog")["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert tokenizer.decode([2, 4, 6, 3], skip_special_tokens=True) == "the cat"


def test_what_is_saved_is_read_again(tmp_path):
    model = gf.models.AutoModel.from_pretrained(MODELS / "embedder")
    model.save_pretrained(tmp_path / "again")
    again = gf.models.AutoModel.from_pretrained(tmp_path / "again")
    assert np.array_equal(model([2, 4, 6, 3]).last_hidden_state, again([2, 4, 6, 3]).last_hidden_state)
    assert json.loads((tmp_path / "again" / "config.json").read_text())["model_type"] == "bert"


def test_what_is_wrong_is_named(embedder, tmp_path):
    with pytest.raises(gf.errors.GradframeError, match="is not a directory"):
        gf.models.AutoModel.from_pretrained(tmp_path / "none")
    with pytest.raises(gf.errors.PlanError, match="expected a model for text-generation"):
        gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "grader")
    with pytest.raises(gf.errors.PlanError, match="unknown task `translation`"):
        gf.models.pipeline("translation", MODELS / "teller")
    with pytest.raises(gf.errors.PlanError, match="lacks a column `lin`"):
        gf.from_dict({"line": ["a"]}).embed(embedder, "lin")
    with pytest.raises(gf.errors.PlanError, match="unknown option `temprature`"):
        gf.from_dict({"prompt": ["a"]}).generate(gf.models.AutoModel.from_pretrained(MODELS / "teller"), temprature=1.0)


def test_the_examples_of_the_documentation_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    blocks = (ROOT / "docs" / "models.md").read_text()
    for sql in blocks.split("```sql\n")[1:]:
        for statement in sql.split("```")[0].split(";\n"):
            if statement.strip():
                gf.sql(statement).collect()
    shown = []
    for block in blocks.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], "models.md", "exec"), {"print": lambda *values: shown.extend(values)})
    assert shown[0] == (2, 8) and shown[1] == ["line", "embedding"]
