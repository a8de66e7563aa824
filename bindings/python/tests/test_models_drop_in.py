"""Scripts for transformers and sentence-transformers, with the import changed: what those answered is in `drop_in/answers.json`."""

import json
import os
import pathlib
import pickle
import shutil
import sys

import numpy as np
import pytest

import gradframe as gf

HERE = pathlib.Path(__file__).parent / "drop_in"
sys.path.insert(0, str(HERE))
from cases import FOLDERS, MODELS, NETWORKS, SENTENCES, TOKENIZER, letters, plain  # noqa: E402

ANSWERS = json.loads((HERE / "answers.json").read_text())
MINILM = os.environ.get("GRADFRAME_MINILM", "")
with_minilm = pytest.mark.skipif(not MINILM, reason="GRADFRAME_MINILM does not name the folder of all-MiniLM-L6-v2")


class Library:
    """`gf.models`, with arrays."""

    array = staticmethod(np.array)

    def __getattr__(self, name):
        return getattr(gf.models, name)


def is_near(own, other):
    if isinstance(own, dict) and isinstance(other, dict):
        return own.keys() == other.keys() and all(is_near(own[name], other[name]) for name in own)
    if isinstance(own, list) and isinstance(other, list):
        return len(own) == len(other) and all(map(is_near, own, other))
    if isinstance(own, float) or isinstance(other, float):
        return own == pytest.approx(other, rel=1e-4, abs=2e-5)
    return own == other


def check(own, expected):
    own = json.loads(json.dumps(plain(own)))
    assert is_near(own, expected), f"\n   own {own}\nexpected {expected}"


@with_minilm
@pytest.mark.parametrize("name", TOKENIZER)
def test_a_tokenizer_answers_as_transformers_does(name):
    check(TOKENIZER[name](gf.models.AutoTokenizer.from_pretrained(MINILM)), ANSWERS["tokenizer"][name])


@with_minilm
@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_embedded_as_in_sentence_transformers(name):
    check(SENTENCES[name](Library(), MINILM), ANSWERS["sentences"][name])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_as_in_transformers(name):
    check(NETWORKS[name](Library()), ANSWERS["networks"][name])


@pytest.mark.parametrize("name", FOLDERS)
def test_a_model_of_letters_answers_as_there(name, tmp_path):
    check(FOLDERS[name](Library(), tmp_path), ANSWERS["folders"][name])


def tokenizer():
    return gf.models.AutoTokenizer.from_pretrained(MODELS / "embedder")


def teller():
    return gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")


def embedder(**options):
    return gf.models.SentenceTransformer(MODELS / "embedder", **options)


WRONG = {
    "a null among texts": (lambda: embedder().encode(["a", None]), TypeError, "encode: item 1 is None, expected a text"),
    "no texts": (lambda: embedder().encode(None), TypeError, "encode: expected a text or a list of texts, got NoneType"),
    "bytes": (lambda: embedder().encode(b"cat"), TypeError, "got bytes"),
    "a prompt's name": (lambda: embedder().encode("a", prompt_name="qery"), ValueError, "unknown prompt `qery`.*did you mean `query`"),
    "a slip in encode": (lambda: embedder().encode("a", batchsize=3), ValueError, "`batchsize`; hint: did you mean `batch_size`"),
    "a precision": (lambda: embedder().encode("a", precision="int4"), ValueError, "precision: expected one of float32, int8, uint8"),
    "ranges of one": (lambda: embedder().encode("a", precision="int8"), ValueError, "int8 do not follow from a single vector; hint"),
    "vectors of tokens": (lambda: embedder().encode("a", output_value="token_embeddings"), NotImplementedError, "`output_value`"),
    "processes": (lambda: embedder().encode("a", pool={"input": 1}), NotImplementedError, "`pool` is not supported"),
    "a batch of none": (lambda: embedder().encode("a", batch_size=0), ValueError, "batch_size: expected 1 or more, got 0"),
    "a GPU": (lambda: embedder(device="cuda:0"), RuntimeError, "expected `cpu`, got `cuda:0`"),
    "a back end": (lambda: embedder(backend="onnx"), NotImplementedError, "`backend`.*got 'onnx'"),
    "a similarity": (
        lambda: embedder(similarity_fn_name="cos"),
        ValueError,
        "expected one of cosine, dot, euclidean, manhattan, got 'cos'",
    ),
    "sizes": (lambda: gf.models.util.cos_sim([[1.0, 2.0]], [[1.0]]), ValueError, "expected vectors of one size, got 2 and 1"),
    "4 bits": (lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder", load_in_4bit=True), NotImplementedError, "`load_in_4bit`"),
    "a slip in loading": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder", devise="cpu"),
        ValueError,
        "did you mean `device`",
    ),
    "no tokens": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[2, 3], []]),
        ValueError,
        "row 1 of input_ids has no tokens",
    ),
    "a text": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")("the cat"),
        TypeError,
        "rows of tokens, got 'the cat'.*tokenizer",
    ),
    "a token": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[2, 999999]]),
        ValueError,
        r"input_ids\[0\]\[1\] is 999999, expected a token from 0 to 31",
    ),
    "half a token": (lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[2.5]]), TypeError, r"input_ids\[0\]\[0\] is 2.5"),
    "too many": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[4] * 17]),
        ValueError,
        "17 tokens, expected at most 16",
    ),
    "a mask": (lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[2, 3]], [[1]]), ValueError, "of the shape of input_ids"),
    "hidden states": (
        lambda: gf.models.AutoModel.from_pretrained(MODELS / "embedder")([[2, 3]], output_hidden_states=True),
        NotImplementedError,
        "`output_hidden_states` is not supported",
    ),
    "rows of several lengths": (lambda: tokenizer()(["the cat", "a"], return_tensors="np"), ValueError, "several lengths.*padding=True"),
    "an unknown tensor": (lambda: tokenizer()("a", return_tensors="tf"), ValueError, 'return_tensors: expected "np", "pt"'),
    "a padding": (lambda: tokenizer()("a", padding="no"), ValueError, "padding: expected True, False"),
    "a truncation": (lambda: tokenizer()("a", truncation="no"), ValueError, "truncation: expected True, False"),
    "words": (lambda: tokenizer()(["a"], is_split_into_words=True), NotImplementedError, "`is_split_into_words` is not supported"),
    "half a pair": (lambda: tokenizer()([("a", "b"), ("a",)]), TypeError, r"item 1 is \('a',\), expected a pair"),
    "fewer pairs": (lambda: tokenizer()(["a", "b"], ["a"]), ValueError, "as many of text_pair as of text, got 1 and 2"),
    "a new token": (
        lambda: setattr(tokenizer(), "pad_token", "[NEW]"),
        ValueError,
        "pad_token is '\\[NEW\\]', expected a token of its vocab",
    ),
    "a negative token": (lambda: tokenizer().decode([4, -1]), TypeError, "decode: item 1 is -1"),
    "no template": (lambda: tokenizer().apply_chat_template([{"role": "user", "content": "x"}]), ValueError, "chat template"),
    "a turn": (lambda: tokenizer().apply_chat_template(["x"], chat_template="t"), TypeError, "message 0: expected a dictionary of role"),
    "no turn": (lambda: tokenizer().apply_chat_template([], chat_template="t"), ValueError, "expected a message or more, got none"),
    "a function": (
        lambda: tokenizer().apply_chat_template([{}], tools=[len], chat_template="t"),
        NotImplementedError,
        "item 0 is a function, len.*JSON schema",
    ),
    "an object": (lambda: tokenizer().apply_chat_template([{"role": len}], chat_template="t"), TypeError, "texts, numbers, lists and dict"),
    "a mask of answers": (
        lambda: tokenizer().apply_chat_template([{}], return_assistant_tokens_mask=True),
        NotImplementedError,
        "`return_assistant_tokens_mask` is not supported",
    ),
    "a last message that is not shown": (
        lambda: tokenizer().apply_chat_template([{"content": "a"}], chat_template="t", continue_final_message=True),
        ValueError,
        "does not show the last message",
    ),
    "a slip in generate": (
        lambda: teller().generate([[4]], max_newtokens=3),
        ValueError,
        "`max_newtokens`; hint: did you mean `max_new_tokens`",
    ),
    "a stream": (lambda: teller().generate([[4]], streamer=1), NotImplementedError, "`streamer` is not supported"),
    "too short": (lambda: teller().generate([[4, 5, 6]], max_length=3), ValueError, "more than the 3 tokens of the prompt, got 3.*max_new"),
    "no prompt": (lambda: teller().generate(), ValueError, "expected input_ids"),
    "temperature": (
        lambda: teller().generate([[4]], do_sample=True, temperature=0.0),
        ValueError,
        "temperature: expected a number above 0",
    ),
    "several of one": (
        lambda: teller().generate([[4]], num_return_sequences=2),
        NotImplementedError,
        "`num_return_sequences`.*do_sample=True",
    ),
    "more than all": (lambda: teller().generate([[4]], max_new_tokens=2, min_new_tokens=3), ValueError, "min_new_tokens: expected at most"),
    "below none": (
        lambda: teller().generate([[4]], max_new_tokens=-1),
        ValueError,
        "max_new_tokens: expected a whole number from 1, got -1",
    ),
    "top_p": (lambda: teller().generate([[4]], do_sample=True, top_p=0.0), ValueError, "top_p: expected a number above 0"),
    "top_k": (lambda: teller().generate([[4]], do_sample=True, top_k=-1), ValueError, "top_k: expected a whole number from 0"),
    "a penalty": (lambda: teller().generate([[4]], length_penalty=float("nan")), ValueError, "length_penalty: expected a number, got nan"),
    "stops": (lambda: teller().generate([[4]], stop_strings=3), ValueError, "stop_strings: expected a text or a list of texts, got 3"),
    "no rows": (lambda: teller().generate([]), ValueError, "expected a row of input_ids or more, got none"),
    "another end": (
        lambda: teller().generate([[4]], eos_token_id=5),
        NotImplementedError,
        r"`eos_token_id` is the model's own, \[3\], got \[5\]",
    ),
    "no pair": (lambda: gf.models.CrossEncoder(MODELS / "grader").predict([("a", "b"), "a"]), TypeError, "item 1 is 'a', expected a pair"),
    "a multiple of nothing": (lambda: tokenizer()("the cat", padding=True, pad_to_multiple_of=0), ValueError, "pad_to_multiple_of: expected a whole number from 1 to 16777216, got 0"),
    "a multiple that no machine holds": (lambda: tokenizer()("the cat", padding=True, pad_to_multiple_of=10**12), ValueError, "pad_to_multiple_of: expected a whole number from 1 to 16777216"),
    "a length that no machine holds": (lambda: tokenizer()("the cat", padding="max_length", max_length=10**12), ValueError, "max_length: rows are filled up to at most 16777216 tokens"),
    "no labels": (lambda: gf.models.CrossEncoder(MODELS / "embedder"), ValueError, "expected a model for text-classification"),
    "ranked by two": (
        lambda: gf.models.CrossEncoder(MODELS / "grader").rank("a", ["b"]),
        ValueError,
        "a model of one score, it has 2 labels",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_or_cannot_be_met_is_named(name):
    ask, kind, says = WRONG[name]
    with pytest.raises(kind, match=says) as raised:
        ask()
    assert isinstance(raised.value, gf.errors.GradframeError)


def test_what_changes_nothing_is_taken():
    model = gf.models.AutoModelForCausalLM.from_pretrained(
        MODELS / "teller", torch_dtype="auto", device_map="auto", attn_implementation="sdpa", low_cpu_mem_usage=True, trust_remote_code=True
    )
    inputs = gf.models.AutoTokenizer.from_pretrained(MODELS / "teller", use_fast=True)("the cat", return_tensors="np").to(model.device)
    assert model.generate(**inputs, max_new_tokens=2, use_cache=True, pad_token_id=0).shape == (1, 4)
    assert model.device.type == "cpu" and model.dtype == "f32" and "teller" in repr(model)


def test_drawn_continuations_follow_from_the_seed():
    drawn = teller().generate([[4, 6]], max_new_tokens=6, do_sample=True, num_return_sequences=4, seed=5)
    assert len(drawn) == 4 and len({tuple(row) for row in drawn}) > 1
    assert drawn == teller().generate([[4, 6]], max_new_tokens=6, do_sample=True, num_return_sequences=4, seed=5)
    assert drawn[1:2] == teller().generate([[4, 6]], max_new_tokens=6, do_sample=True, seed=6)
    with pytest.warns(UserWarning, match="temperature changes nothing without do_sample=True"):
        teller().generate([[4, 6]], max_new_tokens=1, temperature=0.7)


def test_the_models_own_generation_config_is_followed(tmp_path):
    shutil.copytree(MODELS / "teller", tmp_path / "own")
    said = {"max_new_tokens": 3, "do_sample": True, "temperature": 1.5, "no_repeat_ngram_size": 2}
    (tmp_path / "own" / "generation_config.json").write_text(json.dumps(said | {"eos_token_id": [3, 5]}))
    model = gf.models.AutoModelForCausalLM.from_pretrained(tmp_path / "own")
    with pytest.raises(NotImplementedError, match="no_repeat_ngram_size=0 leaves it out of the model's generation_config"):
        model.generate([[4, 6]])
    assert len(model.generate([[4, 6]], no_repeat_ngram_size=0, seed=1)[0]) <= 5
    model.generation_config.no_repeat_ngram_size = None
    model.generation_config.do_sample = False
    assert model.generate([[4, 6]])[0][:5] == teller().generate([[4, 6]], max_new_tokens=3)[0][:5]


def one_label(folder, **config):
    """The grader with the first of its labels alone."""
    shutil.copytree(MODELS / "grader", folder)
    raw = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    for name in ("classifier.weight", "classifier.bias"):
        start, end = header[name]["data_offsets"]
        header[name] = header[name] | {
            "shape": [1, *header[name]["shape"][1:]],
            "data_offsets": [len(data), len(data) + (end - start) // 2],
        }
        data += data[start : start + (end - start) // 2]
    at, parts = 0, []
    for entry in header.values():
        if "data_offsets" in entry:
            start, end = entry["data_offsets"]
            parts.append(data[start:end])
            entry["data_offsets"], at = [at, at + end - start], at + end - start
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))
    own = json.loads((folder / "config.json").read_text()) | {"id2label": {"0": "near"}} | config
    (folder / "config.json").write_text(json.dumps(own))
    return folder


def test_pairs_are_scored_as_the_configuration_says(tmp_path):
    pairs = [("the cat", "a dog"), ("a big red dog ran", "the cat sat"), ("one", "two")]
    plain_scores = gf.models.CrossEncoder(one_label(tmp_path / "a"))
    tokens = plain_scores.tokenizer(pairs, padding=True, return_tensors="np")
    logits = gf.models.AutoModelForSequenceClassification.from_pretrained(tmp_path / "a")(**tokens).logits[:, 0]
    assert np.allclose(plain_scores.predict(pairs, batch_size=2), 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert plain_scores.predict(pairs[0]) == pytest.approx(plain_scores.predict(pairs)[0], abs=1e-6)
    identity = "torch.nn.modules.linear.Identity"
    old = gf.models.CrossEncoder(one_label(tmp_path / "b", sbert_ce_default_activation_function=identity))
    new = gf.models.CrossEncoder(one_label(tmp_path / "c", sentence_transformers={"activation_fn": identity}))
    assert np.allclose(old.predict(pairs), logits, atol=1e-6) and np.array_equal(old.predict(pairs), new.predict(pairs))
    assert np.allclose(plain_scores.predict(pairs, activation_fn=lambda scores: scores * 2), logits * 2, atol=1e-6)
    ranked = old.rank("the cat", ["a dog", "two", "the cat sat"], top_k=2, return_documents=True)
    assert [set(row) for row in ranked] == [{"corpus_id", "score", "text"}] * 2 and ranked[0]["score"] >= ranked[1]["score"]
    both = gf.models.CrossEncoder(MODELS / "grader").predict(pairs, apply_softmax=True)
    assert both.shape == (3, 2) and np.allclose(both.sum(axis=1), 1)


def test_a_tokenizer_keeps_what_was_set_of_it(tmp_path):
    own = gf.models.AutoTokenizer.from_pretrained(MODELS / "teller", padding_side="left", pad_token="[UNK]")
    assert own(["the cat", "a"], padding=True)["input_ids"] == [[4, 6], [1, 5]]
    own.save_pretrained(tmp_path / "saved")
    gf.models.AutoModel.from_pretrained(MODELS / "teller").save_pretrained(tmp_path / "whole")
    saved = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    assert saved["padding_side"] == "left" and saved["pad_token"] == "[UNK]"
    again = pickle.loads(pickle.dumps(own))
    assert again.padding_side == "left" and again.pad_token_id == 1 and again.eos_token == "[SEP]"


def test_models_travel_to_other_processes():
    model = pickle.loads(pickle.dumps(embedder(prompts={"query": "a "}, truncate_dim=3)))
    assert model.prompts["query"] == "a " and model.encode_query("cat").shape == (3,)
    assert np.array_equal(model.encode_query("cat"), model.encode("a cat"))


def test_a_conversation_becomes_tokens(tmp_path):
    shutil.copytree(MODELS / "teller", tmp_path / "own")
    template = "{% for m in messages %}{{ m.content }} {% endfor %}{% if add_generation_prompt %}bird{% endif %}"
    (tmp_path / "own" / "chat_template.jinja").write_text(template)
    own = gf.models.AutoTokenizer.from_pretrained(tmp_path / "own")
    talk = [{"role": "user", "content": "the cat"}, {"role": "assistant", "content": "ran"}]
    assert own.chat_template == template and own.apply_chat_template(talk, tokenize=False) == "the cat ran "
    assert own.apply_chat_template(talk, tokenize=False, continue_final_message=True) == "the cat ran"
    assert own.apply_chat_template(talk, add_generation_prompt=True, return_dict=False) == own.encode("the cat ran bird")
    assert own.apply_chat_template([talk, talk], return_tensors="np").input_ids.shape == (2, 3)


def test_single_texts_wait_for_no_compiler():
    model = embedder()
    first = model.encode("the cat")
    assert all(np.array_equal(model.encode("the cat"), first) for _ in range(3))
    cut = [model.encode("the cat sat on the mat", max_tokens=most) for most in (3, 4, 5, 6, 7)]
    assert len({vector.tobytes() for vector in cut}) == 5 and np.array_equal(model.encode("the cat"), first)


def test_weights_cut_short_under_an_open_model_are_an_error(tmp_path):
    """The process was killed by the system: SIGBUS."""
    shutil.copytree(MODELS / "teller", tmp_path / "teller")
    tell = gf.models.pipeline("text-generation", str(tmp_path / "teller"))
    assert tell("the cat")
    weights = tmp_path / "teller" / "model.safetensors"
    whole = weights.read_bytes()
    os.truncate(weights, 100)
    with pytest.raises(gf.errors.ExternalError, match="model.safetensors has 100 bytes, and had") as error:
        tell("the cat")
    assert isinstance(error.value, OSError)
    (tmp_path / "new").write_bytes(whole)
    os.replace(tmp_path / "new", weights)
    with pytest.raises(gf.errors.ExternalError, match="model.safetensors has 100 bytes"):
        tell("the cat")  # its own file is gone
    assert gf.models.pipeline("text-generation", str(tmp_path / "teller"))("the cat")


def test_a_text_ends_before_the_special_token_that_stops_it(tmp_path):
    model = gf.models.AutoModelForCausalLM.from_pretrained(letters(tmp_path, "teller"))
    frame = gf.from_dict({"prompt": ["kf"]})
    for stop, expected in ((["[PAD]"], "yy"), (["y[PAD]"], "y"), (["yy"], ""), (["[CLS]"], "yydddd")):
        assert frame.generate(model, max_new_tokens=8, stop=stop)["generated"].to_list() == [expected], stop
