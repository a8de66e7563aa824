"""Writes the small pretrained models beside it, of numbers that mean nothing: python tests/slt/data/models/make.py (needs NumPy)."""

import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + """the a cat dog sat ran on under mat tree red blue big small bird fish sang swam and or
    house river day night good bad one two""".split()
WIDTH, INNER = 8, 12


def tokenizer(ends):
    special = [dict(id=i, content=w, special=True, single_word=False, lstrip=False, rstrip=False, normalized=False)
               for i, w in enumerate(WORDS[:4])]
    around = lambda word: [dict(SpecialToken=dict(id=word, type_id=0))]
    text = [dict(Sequence=dict(id="A", type_id=0))]
    single = around("[CLS]") + text + around("[SEP]") if ends else text
    return dict(version="1.0", added_tokens=special, normalizer=dict(type="Lowercase"), pre_tokenizer=dict(type="Whitespace"),
                post_processor=dict(type="TemplateProcessing", single=single,
                                    pair=single + [dict(Sequence=dict(id="B", type_id=1))],
                                    special_tokens={w: dict(id=w, ids=[WORDS.index(w)], tokens=[w]) for w in WORDS[2:4]}),
                model=dict(type="WordLevel", vocab={w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))


def write(name, config, shapes, ends, seed):
    random = np.random.default_rng(seed)
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for key, shape in shapes.items():
        values = random.normal(0, 0.5, shape).astype("<f4") + (len(shape) == 1 and key.endswith("weight"))
        header[key] = dict(dtype="F32", shape=shape, data_offsets=[len(data), len(data) + values.nbytes])
        data += values.astype("<f4").tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(config) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(ends)) + "\n")


def norm(name):
    return {f"{name}.weight": [WIDTH], f"{name}.bias": [WIDTH]}


def linear(name, inputs, outputs):
    return {f"{name}.weight": [outputs, inputs], f"{name}.bias": [outputs]}


def bert(prefix):
    table = lambda name, rows: {f"{prefix}embeddings.{name}.weight": [rows, WIDTH]}
    shapes = table("word_embeddings", len(WORDS)) | table("position_embeddings", 16) | table("token_type_embeddings", 2)
    shapes |= norm(f"{prefix}embeddings.LayerNorm")
    at = f"{prefix}encoder.layer.0."
    for part in ("query", "key", "value"):
        shapes |= linear(f"{at}attention.self.{part}", WIDTH, WIDTH)
    shapes |= linear(f"{at}attention.output.dense", WIDTH, WIDTH) | norm(f"{at}attention.output.LayerNorm")
    shapes |= linear(f"{at}intermediate.dense", WIDTH, INNER) | linear(f"{at}output.dense", INNER, WIDTH)
    return shapes | norm(f"{at}output.LayerNorm")


BERT = dict(model_type="bert", vocab_size=len(WORDS), hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=INNER, max_position_embeddings=16)
GPT2 = dict(model_type="gpt2", architectures=["GPT2LMHeadModel"], vocab_size=len(WORDS), n_embd=WIDTH, n_layer=1, n_head=2,
            n_positions=16, eos_token_id=3)

if __name__ == "__main__":
    write("embedder", BERT | dict(architectures=["BertModel"]), bert(""), True, 1)
    grader = bert("bert.") | linear("bert.pooler.dense", WIDTH, WIDTH) | linear("classifier", WIDTH, 2)
    write("grader", BERT | dict(architectures=["BertForSequenceClassification"], id2label={"0": "dull", "1": "lively"}), grader, True, 2)
    asker = bert("bert.") | linear("qa_outputs", WIDTH, 2)
    write("asker", BERT | dict(architectures=["BertForQuestionAnswering"]), asker, True, 4)
    teller = {"wte.weight": [len(WORDS), WIDTH], "wpe.weight": [16, WIDTH]} | norm("h.0.ln_1") | norm("h.0.ln_2") | norm("ln_f")
    for name, shape in {"attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH), "mlp.c_fc": (WIDTH, 4 * WIDTH),
                        "mlp.c_proj": (4 * WIDTH, WIDTH)}.items():
        teller |= {f"h.0.{name}.weight": list(shape), f"h.0.{name}.bias": [shape[1]]}
    write("teller", GPT2, teller, False, 3)
