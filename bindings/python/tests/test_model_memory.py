"""Memory of a query with a pretrained model does not grow with the table: batches, what is known of equal texts, and no more."""

import os
import pathlib
import subprocess
import sys

MODELS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "slt" / "data" / "models"
# A million with GRADFRAME_LONG=1: minutes.
FEW, MANY = (10_000, 1_000_000) if os.environ.get("GRADFRAME_LONG") else (2_000, 60_000)
GROWTH_BYTES_MAX = 96 << 20

PROGRAM = """
import resource, sys
import gradframe as gf
model = gf.models.SentenceTransformer(sys.argv[1])
texts = gf.sql(f"SELECT 'the cat ' || i || ' sat on a mat' AS line FROM generate_series(1, {sys.argv[2]}) AS t(i)")
vectors = texts.select(gf.col("line").embed(model).alias("v"))
seen = sum(batch.height for batch in vectors.iter_batches())
assert seen == int(sys.argv[2]), seen
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_bytes(rows, tmp_path):
    environment = os.environ | {"GRADFRAME_HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM, str(MODELS / "embedder"), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


def test_memory_is_flat(tmp_path):
    few, many = peak_bytes(FEW, tmp_path), peak_bytes(MANY, tmp_path)
    assert many - few < GROWTH_BYTES_MAX, (few, many)
