"""Pretrained models: by themselves, as verbs of frames, and the examples of docs/models.md."""

import json
import pathlib
import shutil

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


def test_expressions_are_columns_of_the_operator(embedder):
    grader = gf.models.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")
    frame = gf.from_dict({"id": [1, 2, 3, 4, 5], "line": TEXTS})
    found = frame.with_columns(gf.col("line").embed(embedder, normalize=True).alias("v"))
    assert found["v"].to_list() == frame.embed(embedder, "line", name="v", normalize=True)["v"].to_list()
    dull = gf.col("line").classify(grader).struct.field("label") == "dull"
    lazy = frame.lazy().filter(dull & (gf.col("id") > 1)).select("id", gf.col("line").classify(grader).struct.field("score"))
    labels = frame.classify(grader, "line")
    expected = [row["id"] for row in labels.to_dicts() if row["label"] == "dull" and row["id"] > 1]
    assert lazy.collect()["id"].to_list() == expected
    assert "ClassifyExec" in lazy.explain()
    pairs = frame.select(gf.col("line").classify(grader, pair="line").struct.field("label").alias("a"))
    assert pairs["a"].to_list() == frame.classify(grader, "line", pair="line", label="a")["a"].to_list()
    by_label = frame.group_by(gf.col("line").classify(grader).struct.field("label").alias("label")).agg(gf.len().alias("n"))
    assert sum(by_label["n"].to_list()) == 5
    with pytest.raises(gf.errors.GradframeError, match="expected text, got Int64"):
        frame.select(gf.col("id").embed(embedder))


def test_a_model_within_elements_is_refused_with_the_way(embedder):
    frame = gf.DataFrame({"lines": [["a dog ran", "the cat sat"], ["the cat sat"]]})
    with pytest.raises(gf.errors.UnsupportedError, match="elements of lists; hint: explode the list"):
        frame.select(gf.col("lines").list.eval(gf.element().embed(embedder))).collect()


def test_questions_are_answered_in_frames_and_expressions():
    asker = gf.models.AutoModelForQuestionAnswering.from_pretrained(MODELS / "asker")
    context = "the big red bird sang and " * 40
    frame = gf.from_dict({"question": ["one dog", None], "content": [context, "the cat"]})
    found = frame.answer(asker)
    assert found.columns == ["question", "content", "answer", "score", "answer_start", "answer_end"]
    answer, _, start, end = found.row(0)[2:]
    assert answer == context[start:end] != "" and found["answer"].to_list()[1] is None
    in_expression = frame.select(gf.col("question").answer(asker, "content").alias("a"))["a"].to_list()
    assert in_expression[0]["answer"] == answer and in_expression[1] is None
    assert gf.models.pipeline("question-answering", asker)(question="one dog", context=context)["start"] == start


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


def test_equal_prompts_go_on_otherwise_by_seeds_of_their_own():
    teller = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    frame = gf.from_dict({"prompt": ["the cat"] * 6, "s": [1, 2, 3, 4, 1, None]})
    found = frame.generate(teller, "prompt", temperature=5.0, max_new_tokens=6, seed_column="s")["generated"].to_list()
    assert len(set(found[:4])) > 1 and found[4] == found[0] and found[5] is None
    with pytest.raises(gf.errors.PlanError, match="lacks a column `t`"):
        frame.generate(teller, "prompt", seed_column="t")


def test_tokens_know_their_words_and_texts():
    tokenizer = gf.models.AutoTokenizer.from_pretrained(MODELS / "embedder")
    single = tokenizer("a big dog")
    assert single.word_ids() == [None, 0, 1, 2, None] and single.sequence_ids() == [None, 0, 0, 0, None]
    both = tokenizer(["the cat", "a"], ["a dog", "ran"], padding=True, return_tensors="np")
    assert both.sequence_ids(0) == [0 if one == 0 else one for one in both.sequence_ids(0)] and len(both.word_ids(1)) == both.input_ids.shape[1]
    assert [one for one in both.sequence_ids(1) if one is not None] == [0, 1]
    with pytest.raises(gf.errors.PlanError, match="word_ids: expected what a call"):
        tokenizer.pad({"input_ids": [[2, 3]]}).word_ids()


def test_what_is_below_a_head_is_what_auto_model_gives(tmp_path):
    below = gf.models.AutoModel.from_pretrained(MODELS / "grader")([[2, 4, 6, 3]]).last_hidden_state
    assert below.shape == (1, 4, 8)
    shutil.copytree(MODELS / "grader", tmp_path / "bare")
    config = json.loads((tmp_path / "bare" / "config.json").read_text())
    del config["architectures"]
    (tmp_path / "bare" / "config.json").write_text(json.dumps(config))
    unnamed = gf.models.AutoModelForSequenceClassification.from_pretrained(tmp_path / "bare")
    named = gf.models.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")
    assert np.array_equal(unnamed([[2, 4, 6, 3]]).logits, named([[2, 4, 6, 3]]).logits)
    features = gf.models.pipeline("feature-extraction", MODELS / "grader")
    assert np.array(features("the cat")).shape == (1, 4, 8)


def test_pooled_vectors_are_what_a_classifier_sees():
    rows = [[2, 4, 6, 3], [2, 7, 8, 4, 3]]
    found = gf.models.AutoModel.from_pretrained(MODELS / "grader")(rows)
    head = gf.models.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")
    weights = gf.sql(f"SELECT name, shape, tensor FROM weights('{MODELS / 'grader'}') WHERE name LIKE 'classifier.%'").collect().to_dicts()
    parts = {row["name"]: np.array(row["tensor"]).reshape(row["shape"]) for row in weights}
    logits = found.pooler_output @ parts["classifier.weight"].T + parts["classifier.bias"]
    assert np.allclose(logits, head(rows).logits, atol=1e-5)
    assert "pooler_output" not in gf.models.AutoModel.from_pretrained(MODELS / "embedder")(rows)


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
    scope = {"print": lambda *values: shown.extend(values)}
    for block in blocks.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], "models.md", "exec"), scope)
    assert shown[0] == (2, 8) and shown[1] == ["line", "embedding"]
    assert shown[3] == ["line", "vector", "label", "score"]


def with_head(folder, architecture, renamed=(), **tensors):
    """The grader with another head: its own tensors, some under other names, and more of them."""
    source = MODELS / "grader"
    raw = (source / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    parts = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            for old, new in renamed:
                name = name.replace(old, new)
            parts[name] = (entry["shape"], raw[8 + size + start : 8 + size + end])
    parts |= {name: (list(values.shape), values.astype("<f4").tobytes()) for name, values in tensors.items()}
    at, written = 0, {}
    for name, (shape, data) in parts.items():
        written[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    head = json.dumps(written).encode()
    head += b" " * (-len(head) % 8)
    whole = len(head).to_bytes(8, "little") + head + b"".join(data for _, data in parts.values())
    (folder / "model.safetensors").write_bytes(whole)
    config = json.loads((source / "config.json").read_text()) | {"architectures": [architecture]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text((source / "tokenizer.json").read_text())
    return folder


def test_tokens_are_labelled_where_they_stand(tmp_path):
    tagger = gf.models.pipeline("token-classification", with_head(tmp_path, "BertForTokenClassification"))
    text = "the dog ran"
    found = tagger(text, ignore_labels=[])
    assert [text[one["start"] : one["end"]] for one in found] == [one["word"] for one in found] == ["the", "dog", "ran"]
    assert {one["entity"] for one in found} <= {"dull", "lively"} and all(0.5 <= one["score"] <= 1 for one in found)
    assert tagger([text], ignore_labels=["dull", "lively"]) == [[]]
    with pytest.raises(gf.errors.PlanError, match="expected a model for question-answering"):
        gf.models.AutoModelForQuestionAnswering.from_pretrained(tmp_path)


def test_an_answer_is_a_part_of_the_context(tmp_path):
    folder = with_head(tmp_path, "BertForQuestionAnswering", renamed=[("classifier.", "qa_outputs.")])
    asked = gf.models.pipeline("question-answering", folder)
    context = "the cat sat on the mat"
    best = asked(question="the dog", context=context, top_k=3)
    assert [one["answer"] for one in best] == [context[one["start"] : one["end"]] for one in best]
    assert best[0] == asked(question="the dog", context=context) and best[0]["score"] >= best[1]["score"] > 0
    assert all(len(one["answer"].split()) == 1 for one in asked(question="a", context=context, top_k=6, max_answer_len=1))


def test_masks_are_filled(tmp_path):
    draw = np.random.default_rng(0).standard_normal
    at = "cls.predictions."
    tensors = {f"{at}transform.dense.weight": draw((8, 8)), f"{at}transform.dense.bias": draw(8)}
    tensors |= {f"{at}transform.LayerNorm.weight": np.ones(8), f"{at}transform.LayerNorm.bias": np.zeros(8), f"{at}bias": draw(32)}
    folder = with_head(tmp_path, "BertForMaskedLM", **tensors)
    with pytest.raises(gf.errors.PlanError, match="expected texts with the model's mask"):
        gf.models.pipeline("fill-mask", folder)("the cat")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["[MASK]"] = tokenizer["model"]["vocab"].pop("two")
    tokenizer["added_tokens"].append(tokenizer["added_tokens"][0] | {"id": 31, "content": "[MASK]"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    found = gf.models.pipeline("fill-mask", folder)(["the [MASK] sat", "[MASK] [MASK]"], top_k=3)
    assert [one["sequence"] for one in found[0]] == [f"the {one['token_str']} sat" for one in found[0]]
    assert found[0][0]["score"] >= found[0][1]["score"] > 0
    assert [len(place) for place in found[1]] == [3, 3]


def test_similarity_is_the_cosine(embedder):
    near = gf.models.pipeline("sentence-similarity", MODELS / "embedder")
    found = near("a dog ran", ["a dog ran", "the cat sat"])
    one, other = embedder.encode(["a dog ran", "the cat sat"], normalize_embeddings=True)
    assert found == pytest.approx([1, float(one @ other)], abs=1e-6)


def test_bf16_is_asked_for(embedder):
    short = gf.models.SentenceTransformer(MODELS / "embedder", dtype="bf16")
    assert (short.dtype, embedder.dtype) == ("bf16", "f32")
    one, other = (model.encode("a dog ran", normalize_embeddings=True) for model in (short, embedder))
    assert 0.999 < float(one @ other) < 1 and not np.array_equal(one, other)
    lines = gf.from_dict({"line": ["a dog ran"]})
    assert np.allclose(lines.embed(short, "line", normalize=True)["embedding"].to_list()[0], one)
    assert "dtype=bf16" in lines.lazy().embed(short, "line").explain()
    with pytest.raises(gf.errors.PlanError, match="expected auto, f32 or bf16, got `f8`"):
        gf.models.AutoModel.from_pretrained(MODELS / "embedder", dtype="f8")


def cut(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])


def lying(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole.replace(b'"data_offsets": [0, ', b'"data_offsets": [8, ', 1))


def sharded(folder):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"embeddings.LayerNorm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def other_words(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["cat"] = 99
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def no_text(folder):
    (folder / "tokenizer.json").write_bytes(b'{"model": "\xff"}')


def unknown(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "perceiver"}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "model.safetensors"),
        (lying, "model.safetensors"),
        (sharded, "model-00001-of-00002.safetensors"),
        (other_words, "tokenizer.json has token 99, the model has 32 tokens"),
        (no_text, "tokenizer.json is not a tokenizer"),
        (unknown, "unknown architecture `perceiver`, expected one of bert"),
    ],
)
def test_files_that_are_not_whole_are_named(spoil, says, tmp_path):
    shutil.copytree(MODELS / "embedder", tmp_path / "own")
    spoil(tmp_path / "own")
    with pytest.raises(gf.errors.GradframeError, match=says):
        gf.sql(f"CREATE OR REPLACE MODEL spoilt OPTIONS (model_type = 'huggingface', path = '{tmp_path / 'own'}')")
        gf.sql("SELECT * FROM ML.GENERATE_EMBEDDING(MODEL spoilt, (SELECT 'the cat' AS content))").collect()


def test_batches_of_a_loop_come_as_the_model_goes_on(embedder):
    places = list(range(3001))
    frame = gf.from_dict({"id": places, "prompt": ["the cat"] * 3000 + ["cat " * 20]}).lazy()
    embedded = [batch["id"].to_list() for batch in frame.embed(embedder, "prompt").iter_batches(batch_size=1000)]
    assert embedded == [places[:1000], places[1000:2000], places[2000:3000], places[3000:]]
    teller = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    batches = iter(frame.generate(teller, max_new_tokens=1).iter_batches(batch_size=500))
    assert [next(batches)["id"].to_list() for _ in range(4)] == [places[at : at + 500] for at in range(0, 2000, 500)]
    with pytest.raises(gf.errors.ExecutionError, match="fewer than the context of 16"):  # of the last row, which comes after them
        list(batches)
