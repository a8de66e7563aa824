"""Writes the references beside it: what transformers computes with small networks, in float64.

    pip install torch transformers && python ml/models/tests/references/make.py

The weights are numbers that both sides make of their names, so that none are kept: see `numbers` here and in weights.rs.
"""

import json
import pathlib

import numpy as np
import torch
import transformers as t

HERE = pathlib.Path(__file__).parent
ROWS = [[2, 5, 9, 13, 7, 21, 3], [2, 17, 4, 11, 3]]
SMALL = dict(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=36,
             max_position_embeddings=32, num_labels=3, pad_token_id=1)
DECODER = dict(SMALL, num_key_value_heads=2, bos_token_id=2, eos_token_id=3)


def mixed(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def numbers(name, shape):
    """Of a tensor's name and each place: from -0.5 to 0.5, around 1 for scales."""
    key = 0
    for byte in name.encode():
        key = int(mixed(np.uint64([key ^ byte]))[0])
    count = int(np.prod(shape)) if shape else 1
    with np.errstate(over="ignore"):
        bits = mixed(np.uint64(key) + np.arange(count, dtype=np.uint64)) >> np.uint64(40)
    values = (bits.astype(np.float32) / np.float32(1 << 24)) - np.float32(0.5)
    if len(shape) == 1 and name.endswith("weight"):
        values = values * np.float32(0.5) + np.float32(1.0)
    return torch.from_numpy(values.reshape(shape))


def filled(model):
    tied = {"lm_head.weight", "cls.predictions.decoder.weight", "vocab_projector.weight", "lm_head.decoder.weight"}
    tied |= {"cls.predictions.decoder.bias", "lm_head.decoder.bias"}
    state = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    names = [k for k in state if not (k in tied and model.config.tie_word_embeddings)]
    state = {k: numbers(k, tuple(state[k].shape)) for k in names}
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    return model.double().eval(), [[k, list(v.shape)] for k, v in state.items()]


def inputs(kinds):
    longest = max(map(len, ROWS))
    ids = torch.tensor([r + [1] * (longest - len(r)) for r in ROWS])
    mask = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in ROWS])
    given = dict(input_ids=ids, attention_mask=mask)
    if kinds:
        given["token_type_ids"] = torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * len(ROWS)) * mask
    return given


def listed(x):
    return [float(f"{v:.8g}") for v in x.flatten().tolist()]


def by_rows(x):
    """Of each row what belongs to its own tokens."""
    return [listed(row[: len(ids)]) for row, ids in zip(x, ROWS)]


def heads(classes, config, kinds):
    found = {}
    for task, name in classes.items():
        torch.manual_seed(0)
        own = type(config).from_dict({**config.to_dict(), "num_labels": 2 if task == "answer" else 3})
        model, tensors = filled(getattr(t, name)(own))
        with torch.no_grad():
            out = model(**inputs(kinds))
        if task == "answer":
            values = by_rows(torch.stack([out.start_logits, out.end_logits], -1))
        elif task == "sequence":
            values = [listed(row) for row in out.logits]
        else:
            values = by_rows(out.last_hidden_state if task == "hidden" else out.logits)
        found[task] = dict(architecture=name, tensors=tensors, values=values)
        if task == "next_token":
            found[task] |= continued(model)
    return found


def continued(model):
    prompt = torch.tensor([ROWS[0][:4]])
    how = dict(do_sample=False, max_new_tokens=12, pad_token_id=0)
    with torch.no_grad():
        tokens = lambda **more: model.generate(prompt, **how, **more)[0, 4:].tolist()
        return dict(prompt=prompt[0].tolist(), greedy=tokens(), penalized=tokens(repetition_penalty=1.7),
                    beams=tokens(num_beams=3), ends=model.config.eos_token_id)


def write(name, config, classes, kinds=False):
    values = config.to_dict()
    keep = {k: v for k, v in values.items() if k not in ("transformers_version", "architectures", "_name_or_path", "dtype")}
    found = heads(classes, config, kinds)
    text = json.dumps(dict(config=keep, rows=ROWS, heads=found), separators=(",", ":"))
    (HERE / f"{name}.json").write_text(text + "\n")
    print(name, len(text))


def encoder(prefix, first="hidden", model="Model"):
    return {first: prefix + model, "masked": prefix + "ForMaskedLM", "sequence": prefix + "ForSequenceClassification",
            "tokens": prefix + "ForTokenClassification", "answer": prefix + "ForQuestionAnswering"}


def decoder(prefix, head="ForCausalLM"):
    return {"hidden": prefix + "Model", "next_token": prefix + head, "sequence": prefix + "ForSequenceClassification"}


if __name__ == "__main__":
    write("bert", t.BertConfig(**SMALL), encoder("Bert"), kinds=True)
    untied = dict(SMALL, tie_word_embeddings=False)
    write("bert_untied", t.BertConfig(**untied), {"masked": "BertForMaskedLM"}, kinds=True)
    write("roberta_untied", t.RobertaConfig(**untied, type_vocab_size=1), {"masked": "RobertaForMaskedLM"})
    write("mpnet_untied", t.MPNetConfig(**untied), {"masked": "MPNetForMaskedLM"})
    for name in ("gelu_10", "quick_gelu", "relu2", "leaky_relu", "sigmoid", "linear"):
        other = t.BertConfig(**dict(SMALL, num_hidden_layers=1), hidden_act=name)
        write(f"bert_{name}", other, {"sequence": "BertForSequenceClassification"}, kinds=True)
    write("distilbert", t.DistilBertConfig(vocab_size=40, dim=24, n_layers=2, n_heads=4, hidden_dim=36, max_position_embeddings=32,
                                           num_labels=3, pad_token_id=1), encoder("DistilBert"))
    write("roberta", t.RobertaConfig(**SMALL, type_vocab_size=1), encoder("Roberta"))
    write("xlm-roberta", t.XLMRobertaConfig(**SMALL, type_vocab_size=1), {"hidden": "XLMRobertaModel"})
    write("mpnet", t.MPNetConfig(**SMALL), encoder("MPNet"))
    write("gpt2", t.GPT2Config(vocab_size=40, n_embd=24, n_layer=2, n_head=4, n_positions=32, num_labels=3, bos_token_id=2,
                               eos_token_id=3), {"hidden": "GPT2Model", "next_token": "GPT2LMHeadModel"})
    write("llama", t.LlamaConfig(**DECODER), decoder("Llama"))
    scaled = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, rope_theta=500000.0,
                  original_max_position_embeddings=16)
    write("llama3", t.LlamaConfig(**DECODER, tie_word_embeddings=True, attention_bias=True, mlp_bias=True, rope_parameters=scaled),
          {"next_token": "LlamaForCausalLM"})
    longer = dict(rope_type="yarn", factor=4.0, rope_theta=10000.0, original_max_position_embeddings=8, beta_fast=8.0)
    write("yarn", t.Qwen2Config(**DECODER, rope_parameters=longer), {"next_token": "Qwen2ForCausalLM"})
    write("mistral", t.MistralConfig(**DECODER, sliding_window=3), decoder("Mistral"))
    write("qwen2", t.Qwen2Config(**DECODER, use_sliding_window=True, sliding_window=3, max_window_layers=1), decoder("Qwen2"))
    write("qwen3", t.Qwen3Config(**DECODER, head_dim=8, tie_word_embeddings=True), {"next_token": "Qwen3ForCausalLM"})
