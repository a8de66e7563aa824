"""The allocator keeps memory that is free for a while, and its setting stays here."""

import os
import subprocess
import sys

LOOP = """
import os, resource, sys
import numpy as np
import gradframe as gf
gf.configure(in_memory=True, progress=False)
rows = gf.from_dict({name: np.arange(1_000_000.0) for name in "abcd"}).lazy().with_columns(e=gf.col("a") * 2).filter(gf.col("b") > 7)
epoch = lambda: sum(len(batch["e"]) for batch in rows.iter_batches(65_536, batch_format="numpy"))
epoch(), epoch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    assert epoch() == 999_992
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, os.environ.get("MIMALLOC_PURGE_DELAY"))
"""


def loop(**environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MIMALLOC")}
    done = subprocess.run([sys.executable, "-c", LOOP], env={**inherited, **environment}, capture_output=True, text=True, check=True)
    faults, setting = done.stdout.split()
    return int(faults), setting


def test_batches_of_a_loop_reuse_memory():
    kept, setting = loop()
    assert setting == "None"  # nothing is left in the environment for processes that this one starts
    given_back, setting = loop(MIMALLOC_PURGE_DELAY="0")
    assert setting == "0"
    # Five epochs write 5 x 40 MB at least: 48,000 pages. Some of them are new to the process at any time.
    assert kept < given_back / 2, (kept, given_back)
