"""What is written by `save_pretrained` holds all that is read again: modules with their weights, settings, types."""

import json
import pathlib
import shutil
import struct

import numpy as np
import pytest

import gradframe as gf

MODELS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "slt" / "data" / "models"
LINES = ["the cat", "a big red dog"]


def tensor_file(file, **tensors):
    """Arrays of f32 as safetensors."""
    header, data = {}, b""
    for name, values in tensors.items():
        values = np.asarray(values, dtype="<f4")
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


def header_of(folder):
    bytes_ = (folder / "model.safetensors").read_bytes()
    return json.loads(bytes_[8 : 8 + struct.unpack("<Q", bytes_[:8])[0]])


def with_dense(root, network=""):
    """The embedder with a mean and a layer behind it, as sentence-transformers lays it out."""
    shutil.copytree(MODELS / "embedder", root / network)
    kinds = [("Transformer", network), ("Pooling", "1_Pooling"), ("Dense", "2_Dense")]
    modules = [{"idx": at, "path": path, "type": f"sentence_transformers.models.{kind}"} for at, (kind, path) in enumerate(kinds)]
    (root / "modules.json").write_text(json.dumps(modules))
    for folder, config in (
        ("1_Pooling", {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True}),
        ("2_Dense", {"in_features": 8, "out_features": 3, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}),
    ):
        (root / folder).mkdir()
        (root / folder / "config.json").write_text(json.dumps(config))
    weight = np.arange(24).reshape(3, 8) / 24 - 0.5
    tensor_file(root / "2_Dense" / "model.safetensors", **{"linear.weight": weight, "linear.bias": [0.1, 0.2, 0.3]})
    return root


@pytest.mark.parametrize("network", ["", "0_Transformer"])
def test_modules_are_saved_with_their_weights(network, tmp_path):
    model = gf.models.SentenceTransformer(with_dense(tmp_path / "own", network))
    model.save_pretrained(tmp_path / "saved")
    again = gf.models.SentenceTransformer(tmp_path / "saved")
    assert again.encode(LINES).shape == (2, 3) and np.array_equal(again.encode(LINES), model.encode(LINES))
    again.save_pretrained(tmp_path / "saved")  # onto itself
    assert np.array_equal(gf.models.SentenceTransformer(tmp_path / "saved").encode(LINES), model.encode(LINES))
    assert (tmp_path / "saved" / network / "model.safetensors").is_file()


def test_what_was_set_of_a_sentence_model_is_saved(tmp_path):
    own = {"prompts": {"q": "the "}, "default_prompt_name": "q", "similarity_fn_name": "dot", "truncate_dim": 5}
    model = gf.models.SentenceTransformer(MODELS / "embedder", **own)
    model.max_seq_length = 6
    model.save_pretrained(tmp_path / "saved")
    again = gf.models.SentenceTransformer(tmp_path / "saved")
    assert again.prompts == {"query": "", "document": "", "q": "the "} and again.default_prompt_name == "q"
    assert (again.similarity_fn_name, again.truncate_dim, again.max_seq_length) == ("dot", 5, 6)
    assert np.array_equal(again.encode(LINES), model.encode(LINES))
    # sentence-transformers knows a model of its own by this file.
    kinds = [module["type"].rsplit(".", 1)[1] for module in json.loads((tmp_path / "saved" / "modules.json").read_text())]
    assert kinds == ["Transformer", "Pooling"]
    again.truncate_dim = None
    again.save(tmp_path / "whole")
    assert gf.models.SentenceTransformer(tmp_path / "whole").encode(LINES).shape == (2, 8)


def test_a_model_is_saved_in_the_type_that_was_asked_for(tmp_path):
    short = gf.models.AutoModel.from_pretrained(MODELS / "embedder", dtype="bf16")
    short.save_pretrained(tmp_path / "short")
    assert {one["dtype"] for name, one in header_of(tmp_path / "short").items() if name != "__metadata__"} == {"BF16"}
    assert json.loads((tmp_path / "short" / "config.json").read_text())["dtype"] == "bfloat16"
    again = gf.models.AutoModel.from_pretrained(tmp_path / "short")
    assert again.dtype == "bf16"
    rows = [[2, 4, 6, 3]]
    assert np.allclose(again(rows).last_hidden_state, short(rows).last_hidden_state, atol=0.05)
    again.save_pretrained(tmp_path / "as it is")
    assert header_of(tmp_path / "as it is") == header_of(tmp_path / "short")
    wide = gf.models.AutoModel.from_pretrained(tmp_path / "short", dtype="f32")
    wide.save_pretrained(tmp_path / "wide")
    assert gf.models.AutoModel.from_pretrained(tmp_path / "wide").dtype == "f32"


def test_settings_of_generation_and_of_a_tokenizer_are_saved(tmp_path):
    teller = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    teller.generation_config.max_new_tokens = 3
    teller.save_pretrained(tmp_path / "teller")
    again = gf.models.AutoModelForCausalLM.from_pretrained(tmp_path / "teller")
    assert again.generation_config.max_new_tokens == 3 and len(again.generate([4, 6])) == 5
    tokenizer = gf.models.AutoTokenizer.from_pretrained(MODELS / "teller")
    tokenizer.model_max_length, tokenizer.chat_template = 7, "{{ messages | length }}"
    tokenizer.save_pretrained(tmp_path / "teller")
    again = gf.models.AutoTokenizer.from_pretrained(tmp_path / "teller")
    assert again.model_max_length == 7 and again("a " * 20, truncation=True)["input_ids"] == [5] * 7
    assert again.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False) == "1"
    several = {"default": "one", "tool_use": "two"}
    again.chat_template = several
    again.save_pretrained(tmp_path / "teller")
    assert gf.models.AutoTokenizer.from_pretrained(tmp_path / "teller").chat_template == several
