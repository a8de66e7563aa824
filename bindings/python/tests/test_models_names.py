"""Scripts for transformers and sentence-transformers run with the import changed: arguments, results and errors of `gf.models`."""

import json
import pathlib
import pickle
import shutil

import numpy as np
import pytest

import gradframe as gf
from gradframe.models import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    CrossEncoder,
    SentenceTransformer,
    pipeline,
)

MODELS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "slt" / "data" / "models"


def test_a_tokenizer_takes_what_transformers_takes():
    tok = AutoTokenizer.from_pretrained(MODELS / "embedder", local_files_only=True)
    assert tok("the cat")["input_ids"] == tok.encode("the cat") == [2, 4, 6, 3]
    found = tok(["the cat", "a big red dog"], padding=True, truncation=True, max_length=5, return_tensors="np")
    assert found.input_ids.shape == found["attention_mask"].shape == (2, 5)
    assert found.attention_mask.sum() == 9 and (tok.pad_token_id, tok.cls_token) == (0, "[CLS]")
    assert tok(["the cat"], ["a dog"], padding="max_length", max_length=8)["input_ids"] == [[2, 4, 6, 3, 5, 7, 0, 0]]
    assert tok("a dog", return_offsets_mapping=True)["offset_mapping"] == [(0, 0), (0, 1), (2, 5), (0, 0)]
    assert tok.tokenize("the cat") == ["the", "cat"] and tok.convert_ids_to_tokens([4, 6]) == ["the", "cat"]
    assert tok.batch_decode(found.input_ids, skip_special_tokens=True)[0] == "the cat"
    with pytest.raises(ValueError, match="padding=True"):
        tok(["the cat", "a"], return_tensors="np")


def test_a_model_takes_what_a_tokenizer_gives():
    tok, model = (kind.from_pretrained(MODELS / "embedder") for kind in (AutoTokenizer, AutoModel))
    both = model(**tok(["the cat", "a big red dog"], padding=True, return_tensors="np"))
    alone = model(**tok("the cat", return_tensors="np")).last_hidden_state
    assert both.last_hidden_state.shape == (2, 6, 8) and np.allclose(both[0][0, :4], alone[0], atol=1e-6)
    assert (both.last_hidden_state[0, 4:] == 0).all()
    assert model.eval().to("cpu").config.hidden_size == 8 and model.num_parameters() == 948
    grader = AutoModelForSequenceClassification.from_pretrained(MODELS / "grader", torch_dtype="float32")
    assert grader(**tok(["the cat"], ["a dog"], return_tensors="np")).logits.shape == (1, 2)
    assert grader.config.id2label == {0: "dull", 1: "lively"}
    asker = AutoModelForQuestionAnswering.from_pretrained(MODELS / "asker")
    assert asker(**tok("the cat", return_tensors="np")).start_logits.shape == (1, 4)


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([[]], "row 0 of input_ids has no tokens"),
        ([[4, 999999]], r"input_ids\[0\]\[1\] is 999999, expected a token from 0 to 31"),
        ([[4] * 17], "row 0 of input_ids has 17 tokens, expected at most 16"),
    ],
)
def test_wrong_tokens_are_named(ids, says):
    with pytest.raises((ValueError, gf.errors.GradframeError), match=says):
        AutoModel.from_pretrained(MODELS / "embedder")(ids)


def test_generation_as_in_transformers(tmp_path):
    tok, model = (kind.from_pretrained(MODELS / "teller") for kind in (AutoTokenizer, AutoModelForCausalLM))
    ids = tok("the cat", return_tensors="np")
    found = model.generate(**ids, max_new_tokens=4, do_sample=False)
    assert found.shape[0] == 1 and found[0, :2].tolist() == ids.input_ids[0].tolist()
    as_list = model.generate(ids.input_ids.tolist(), max_new_tokens=4)
    assert as_list == found.tolist()
    shutil.copytree(MODELS / "teller", tmp_path / "teller")
    (tmp_path / "teller" / "generation_config.json").write_text(json.dumps({"max_new_tokens": 2, "do_sample": True, "temperature": 1.5}))
    configured = AutoModelForCausalLM.from_pretrained(tmp_path / "teller")
    assert len(configured.generate(ids.input_ids.tolist(), seed=3)[0]) <= 4
    assert configured.generate(ids.input_ids.tolist(), do_sample=False, max_new_tokens=4) == as_list
    assert model.generate([[4, 6]], max_new_tokens=4, stop="zzz") == as_list


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (dict(max_new_tokens=-1), "max_new_tokens: expected a whole number from 1, got -1"),
        (dict(do_sample=True, top_k=-1), "top_k: expected"),
        (dict(min_new_tokens=9, max_new_tokens=5), "min_new_tokens: expected at most max_new_tokens, 5, got 9"),
        (dict(length_penalty=float("nan")), "length_penalty: expected a number"),
        (dict(num_beams=0), "num_beams: expected a whole number from 1"),
        (dict(num_beams=1_000_000), "num_beams`: expected at most 1024, got 1000000"),
        (dict(stop=3), "stop_strings: expected a text or a list of texts"),
    ],
)
def test_wrong_options_of_generation_are_named_as_they_were_written(options, says):
    with pytest.raises(gf.errors.PlanError, match=says):
        AutoModelForCausalLM.from_pretrained(MODELS / "teller").generate([[4, 6]], **options)


def test_sentences_as_in_sentence_transformers():
    model = SentenceTransformer(str(MODELS / "embedder"), device="cpu", prompts={"query": "a "})
    texts = ["the cat", "a big red dog"]
    vectors = model.encode(texts, batch_size=1, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True)
    assert vectors.shape == (2, model.get_sentence_embedding_dimension()) and vectors.flags.writeable
    assert np.allclose(model.similarity(vectors, vectors), vectors @ vectors.T, atol=1e-6)
    assert np.array_equal(model.encode_query("cat"), model.encode("a cat"))
    assert model.encode(texts, truncate_dim=3).shape == (2, 3) and model.max_seq_length == 16
    assert model.tokenize(texts)["input_ids"].shape == (2, 6) and isinstance(model.tokenizer, AutoTokenizer)
    with pytest.raises(TypeError, match="encode: item 1 is None, expected a text"):
        model.encode(["a", None])
    with pytest.raises(gf.errors.GradframeError, match="expected `cpu`, got `cuda:0`"):
        SentenceTransformer(MODELS / "embedder", device="cuda:0")


def test_pairs_are_scored():
    model = CrossEncoder(MODELS / "grader")
    scores = model.predict([("the cat", "a dog"), ("a dog", "ran")], apply_softmax=True)
    assert scores.shape == (2, 2) and np.allclose(scores.sum(axis=1), 1)
    (one,) = model.predict([("the cat", "a dog")], apply_softmax=True)
    frame = gf.from_dict({"a": ["the cat"], "b": ["a dog"]}).classify(model, "a", pair="b")
    assert frame["score"].to_list()[0] == pytest.approx(one.max(), abs=1e-6)
    with pytest.raises(TypeError, match=r"item 0 is \('a',\), expected a pair"):
        model.predict([("a",)])


def test_pipelines_give_what_transformers_gives(tmp_path):
    grader = pipeline("text-classification", MODELS / "grader")
    (best,) = grader("the cat")
    assert best["label"] in ("dull", "lively") and grader(["the cat"]) == [best] == [grader("the cat", top_k=None)[0]]
    assert grader({"text": "the cat", "text_pair": "a dog"}) != best
    assert np.array(pipeline("feature-extraction", MODELS / "embedder")("the cat")).shape == (1, 4, 8)
    shutil.copytree(MODELS / "grader", tmp_path / "nli")
    config = json.loads((tmp_path / "nli" / "config.json").read_text())
    config["id2label"] = {"0": "contradiction", "1": "entailment"}
    (tmp_path / "nli" / "config.json").write_text(json.dumps(config))
    found = pipeline("zero-shot-classification", tmp_path / "nli")("the cat", ["dog", "bird"])
    assert found["sequence"] == "the cat" and sorted(found["labels"]) == ["bird", "dog"]
    assert sum(found["scores"]) == pytest.approx(1) and found["scores"][0] >= found["scores"][1]
    with pytest.raises(ValueError, match="expected a model with a label `entailment`"):
        pipeline("zero-shot-classification", MODELS / "grader")("the cat", ["dog"])


def test_a_conversation_becomes_tokens(tmp_path):
    shutil.copytree(MODELS / "teller", tmp_path / "teller")
    (tmp_path / "teller" / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }} {% endfor %}")
    tok = AutoTokenizer.from_pretrained(tmp_path / "teller")
    talk = [{"role": "user", "content": "the cat"}, {"role": "assistant", "content": "ran"}]
    assert tok.apply_chat_template(talk, tokenize=False) == "the cat ran "
    assert tok.apply_chat_template(talk)["input_ids"] == tok.encode("the cat ran")
    answer = pipeline("text-generation", tmp_path / "teller")(talk, max_new_tokens=2)[0]["generated_text"]
    assert answer[:2] == talk and answer[2]["role"] == "assistant"


def test_models_travel_to_other_processes():
    model = pickle.loads(pickle.dumps(SentenceTransformer(MODELS / "embedder", prompts={"query": "a "})))
    assert model.prompts["query"] == "a " and model.encode("cat").shape == (8,)
    assert pickle.loads(pickle.dumps(AutoTokenizer.from_pretrained(MODELS / "embedder"))).encode("the cat") == [2, 4, 6, 3]


@pytest.mark.parametrize(("pooling", "skipped"), [({"pooling_mode": ["cls", "mean"]}, 0), ({"pooling_mode": "mean", "include_prompt": False}, 3)])
def test_pooling_is_as_modules_json_says(pooling, skipped, tmp_path):
    shutil.copytree(MODELS / "embedder", tmp_path / "own")
    (tmp_path / "own" / "1_Pooling").mkdir()
    kinds = [{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (tmp_path / "own" / "modules.json").write_text(json.dumps(kinds))
    (tmp_path / "own" / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    tokens = AutoModel.from_pretrained(MODELS / "embedder")([[2, 4, 6, 7, 8, 3]]).last_hidden_state[0]
    own = SentenceTransformer(tmp_path / "own").encode("dog sat", prompt="the cat ")
    mean = tokens[skipped:].mean(axis=0)
    expected = mean if skipped else np.concatenate([tokens[0], mean])
    assert np.allclose(own, expected, atol=1e-6)
