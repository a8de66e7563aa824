"""Pipelines of pretrained models give what transformers' give; the small models' numbers mean nothing, so each is held against the network."""

import json
import pathlib
import shutil

import numpy as np
import pytest

import gradframe as gf
from gradframe.models import pipeline

MODELS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "slt" / "data" / "models"
TEXT = "the dog ran and the cat sat"


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def with_head(folder, architecture, renamed=("", ""), more=None, **config):
    """The grader as another architecture: some tensors under other names, and more of them."""
    shutil.copytree(MODELS / "grader", folder)
    raw = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    header = {name.replace(*renamed) if renamed[0] else name: entry for name, entry in header.items()}
    for name, values in (more or {}).items():
        bytes_ = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    own = json.loads((folder / "config.json").read_text()) | {"architectures": [architecture]} | config
    (folder / "config.json").write_text(json.dumps(own))
    return folder


def test_texts_and_pairs_are_labelled():
    grader = gf.models.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")
    labels = pipeline(model=grader)
    logits = grader(**labels.tokenizer(TEXT, return_tensors="np")).logits[0]
    (best,) = labels(TEXT)
    assert best["score"] == pytest.approx(softmax(logits).max(), abs=1e-6) and labels([TEXT]) == [best]
    assert [one["label"] for one in labels(TEXT, top_k=None)] == [grader.config.id2label[at] for at in np.argsort(-logits)]
    assert labels(TEXT, function_to_apply="none")[0]["score"] == pytest.approx(logits.max(), abs=1e-5)
    assert labels({"text": "the cat", "text_pair": "a dog"}) == labels([{"text": "the cat", "text_pair": "a dog"}])[0]
    assert pipeline("sentiment-analysis", MODELS / "grader", top_k=2, device=-1)(TEXT, truncation=True) == labels(TEXT, top_k=2)


@pytest.mark.parametrize("how", ["none", "simple", "first", "average", "max"])
def test_tokens_are_labelled_where_they_stand(how, tmp_path):
    folder = with_head(tmp_path / "own", "BertForTokenClassification", id2label={"0": "B-X", "1": "I-X"})
    found = pipeline("ner", folder, aggregation_strategy=how)(TEXT)
    network = gf.models.AutoModelForTokenClassification.from_pretrained(folder)
    best = softmax(network(**gf.models.AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="np")).logits[0])[1:-1]
    if how == "none":
        assert [one["word"] for one in found] == [TEXT[one["start"] : one["end"]] for one in found] == TEXT.split()
        assert [one["entity"] for one in found] == ["BI"[at] + "-X" for at in best.argmax(-1)]
        assert np.allclose([one["score"] for one in found], best.max(-1), atol=1e-6)
        return
    # Each B begins anew; words here are tokens, so that all strategies agree.
    starts = [at for at, label in enumerate(best.argmax(-1)) if at == 0 or label == 0]
    assert [one["word"] for one in found] == [
        " ".join(TEXT.split()[at:end]) for at, end in zip(starts, [*starts[1:], len(best)], strict=True)
    ]
    assert {one["entity_group"] for one in found} == {"X"} and all(TEXT[one["start"] : one["end"]] == one["word"] for one in found)


@pytest.mark.parametrize("how", ["none", "simple", "first", "average", "max"])
def test_words_that_the_vocabulary_does_not_know_are_told_as_the_text_has_them(how, tmp_path):
    folder = with_head(tmp_path / "own", "BertForTokenClassification", id2label={"0": "B-X", "1": "B-Y"})
    text = "the Zebra sat!? on"
    found = pipeline("token-classification", folder, aggregation_strategy=how)(text)
    # A word that is not known begins anew though no blank is before it; each B begins anew.
    assert [one["word"] for one in found] == ["the", "Zebra", "sat", "!?", "on"]
    assert [text[one["start"] : one["end"]] for one in found] == ["the", "Zebra", "sat", "!?", "on"]


def test_unknown_words_of_an_entity_stand_among_its_words(tmp_path):
    folder = with_head(tmp_path / "own", "BertForTokenClassification", id2label={"0": "X", "1": "X"})
    (whole,) = pipeline("token-classification", folder, aggregation_strategy="simple")("the Zebra Yak sat")
    assert whole["word"] == "the Zebra Yak sat"


def test_a_text_longer_than_the_model_is_an_error_unless_it_is_to_be_cut(tmp_path):
    long, short = "the dog " * 20, "the dog " * 7
    for task, folder in [("text-classification", MODELS / "grader"), ("feature-extraction", MODELS / "grader")]:
        asked = pipeline(task, folder)
        with pytest.raises(gf.errors.PlanError, match=f"{task}: text 1 has 42 tokens, the model takes at most 16; hint: truncation=True"):
            asked(["the cat", long])
        assert asked(long, truncation=True) == asked(short) == pipeline(task, folder, truncation=True)(long)
        with pytest.raises(gf.errors.PlanError, match="42 tokens"):
            asked(long, truncation=False)
    folder = with_head(tmp_path / "own", "BertForTokenClassification", id2label={"0": "X", "1": "Y"})
    assert len(pipeline("token-classification", folder)(long)) == 14


def test_an_answer_is_a_part_of_the_context(tmp_path):
    folder = with_head(tmp_path / "own", "BertForQuestionAnswering", renamed=("classifier.", "qa_outputs."))
    asked = pipeline("question-answering", folder)
    best = asked(question="the dog", context=TEXT, top_k=3)
    assert [one["answer"] for one in best] == [TEXT[one["start"] : one["end"]] for one in best] and best[0]["score"] >= best[1]["score"] > 0
    assert asked({"question": "the dog", "context": TEXT}) == asked(question=["the dog"], context=[TEXT])[0] == best[0]
    assert all(len(one["answer"].split()) == 1 for one in asked(question="a", context=TEXT, top_k=6, max_answer_len=1))


def test_masks_are_filled(tmp_path):
    draw, at = np.random.default_rng(0).standard_normal, "cls.predictions."
    more = {f"{at}transform.dense.weight": draw((8, 8)), f"{at}transform.dense.bias": draw(8), f"{at}bias": draw(32)}
    more |= {f"{at}transform.LayerNorm.weight": np.ones(8), f"{at}transform.LayerNorm.bias": np.zeros(8)}
    folder = with_head(tmp_path / "own", "BertForMaskedLM", more=more)
    with pytest.raises(gf.errors.PlanError, match="expected texts with the model's mask"):
        pipeline("fill-mask", folder)("the cat")
    words = json.loads((folder / "tokenizer.json").read_text())
    words["model"]["vocab"]["[MASK]"] = words["model"]["vocab"].pop("two")
    words["added_tokens"].append(words["added_tokens"][0] | {"id": 31, "content": "[MASK]"})
    (folder / "tokenizer.json").write_text(json.dumps(words))
    fill = pipeline("fill-mask", folder)
    one, two = fill(["the [MASK] sat", "[MASK] [MASK]"], top_k=3)
    assert [word["sequence"] for word in one] == [f"the {word['token_str']} sat" for word in one] and one[0]["score"] >= one[1]["score"] > 0
    assert [len(place) for place in two] == [3, 3] and "[MASK]" in two[0][0]["sequence"]
    assert {word["token_str"] for word in fill("the [MASK] sat", targets=["dog", "cat"])} == {"dog", "cat"}


def test_labels_that_were_not_trained_for(tmp_path):
    folder = with_head(tmp_path / "nli", "BertForSequenceClassification", id2label={"0": "contradiction", "1": "entailment"})
    found = pipeline("zero-shot-classification", folder)("the cat", ["dog", "bird"])
    assert found["sequence"] == "the cat" and sorted(found["labels"]) == ["bird", "dog"]
    assert sum(found["scores"]) == pytest.approx(1) and found["scores"][0] >= found["scores"][1]
    each = pipeline("zero-shot-classification", folder)(["the cat"], candidate_labels="dog, bird", multi_label=True)[0]
    assert all(0 < score < 1 for score in each["scores"])
    with pytest.raises(ValueError, match="expected a model with a label `entailment`"):
        pipeline("zero-shot-classification", MODELS / "grader")("the cat", ["dog"])


def test_texts_and_conversations_go_on(tmp_path):
    teller = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    tell = pipeline("text-generation", teller, max_new_tokens=4, do_sample=False)
    ids = teller.generate(**tell.tokenizer("the cat", return_tensors="np"), max_new_tokens=4)[0]
    whole = tell.tokenizer.decode(ids, skip_special_tokens=True)
    assert tell("the cat") == [{"generated_text": whole}] and tell(["the cat"]) == [tell("the cat")]
    assert tell("the cat", return_full_text=False) == [{"generated_text": whole.removeprefix("the cat")}]
    assert len({row["generated_text"] for row in tell("the cat", do_sample=True, num_return_sequences=5)}) > 1
    shutil.copytree(MODELS / "teller", tmp_path / "own")
    (tmp_path / "own" / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }} {% endfor %}")
    talk = [{"role": "user", "content": "the cat"}]
    (answer,) = pipeline("text-generation", tmp_path / "own")(talk, max_new_tokens=2)
    assert answer["generated_text"][:1] == talk and answer["generated_text"][1]["role"] == "assistant"


def test_similarity_is_the_cosine():
    model = gf.models.SentenceTransformer(MODELS / "embedder")
    one, other = model.encode(["a dog ran", "the cat sat"], normalize_embeddings=True)
    assert pipeline("sentence-similarity", model)("a dog ran", ["a dog ran", "the cat sat"]) == pytest.approx(
        [1, float(one @ other)], abs=1e-6
    )
    assert np.array(pipeline("feature-extraction", MODELS / "embedder")("the cat")).shape == (1, 4, 8)


WRONG = {
    "another head": (
        lambda: pipeline("fill-mask", MODELS / "grader"),
        ValueError,
        "fill-mask: expected a model for fill-mask, .*text-class",
    ),
    "a task": (lambda: pipeline("translation", MODELS / "grader"), ValueError, "unknown task `translation`"),
    "no model": (lambda: pipeline("ner"), TypeError, "ner needs a model"),
    "a GPU": (lambda: pipeline("text-classification", MODELS / "grader", device=0), RuntimeError, "expected `cpu`, got `0`"),
    "a null": (lambda: pipeline("text-classification", MODELS / "grader")(["a", None]), TypeError, "text-classification: item 1 is None"),
    "a slip": (lambda: pipeline("text-classification", MODELS / "grader")("a", topk=2), ValueError, "`topk`; hint: did you mean `top_k`"),
    "a function": (lambda: pipeline("text-classification", MODELS / "grader")("a", function_to_apply="f"), ValueError, "function_to_apply"),
    "a slip in generation": (lambda: pipeline("text-generation", MODELS / "teller")("a", max_tokens=2), ValueError, "`max_tokens`"),
    "no context": (lambda: pipeline("question-answering", MODELS / "grader"), ValueError, "expected a model for question-answering"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    ask, kind, says = WRONG[name]
    with pytest.raises(kind, match=says) as raised:
        ask()
    assert isinstance(raised.value, gf.errors.GradframeError)


def test_texts_are_made_tokens_once():
    """Of a text that the model's tokenizer cut otherwise, the labels would be those of other tokens."""
    grader = pipeline("text-classification", MODELS / "grader", top_k=None)
    ids, kinds = grader._encoded([TEXT, "a dog"], truncation=None)
    asked = []
    grader._encoded = lambda *given: asked.append(given) or (ids, kinds)
    found = grader(["something else", "entirely"])
    plain = pipeline("text-classification", MODELS / "grader", top_k=None)([TEXT, "a dog"])
    assert found == plain and len(asked) == 1
