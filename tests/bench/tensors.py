"""The tasks of `tensors`, each timed for us and at once, with --peers, for NumPy, PyTorch and JAX; `cargo xtask bench` runs it.

    python tensors.py tasks/tensors.json --program target/release/examples/tensors --data FOLDER [--peers] [--only mlp,cnn]

Prints `task | who | figure | unit`, then for each task our ratio to the best peer and the bar that it is held to: of times
ours over theirs, of rates ours over theirs too, so that more is better there. A peer that fails is `not measured`, said on
standard error, and no ratio is taken without it.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OURS = "gradframe"


def figures(command):
    """`{task: (figure, unit)}` of a program, or None if it failed."""
    child = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if child.returncode != 0:
        reason = child.stderr.strip().splitlines() or [f"status {child.returncode}"]
        print(f"# {' '.join(map(str, command[-3:]))}: {reason[-1][:200]}", file=sys.stderr)
        return None
    lines = (line.split(" | ") for line in child.stdout.splitlines() if not line.startswith("#"))
    return {task: (float(figure), unit) for task, figure, unit in lines}


def line(task, who, figure, unit):
    print(f"{task} | {who} | {figure} | {unit}", flush=True)


def compared(task, measured, bar):
    """Prints our ratio to the best peer, if all peers that should be there are."""
    (own, unit), peers = measured[OURS], {who: value[0] for who, value in measured.items() if who != OURS}
    more_is_better = unit.endswith("/s")
    best = (max if more_is_better else min)(peers, key=peers.get)
    ratio = own / peers[best]
    met = ratio >= bar if more_is_better else ratio <= bar
    line(task, f"{OURS} / {best}", f"{ratio:.3f}", f"x (bar {bar}: {'met' if met else 'missed'})")


def measure(name, described, options):
    ours = figures([options.program, "--data", options.data, name])
    if ours is None:
        sys.exit(f"bench: we failed {name} ourselves")
    by_task = {task: {OURS: value} for task, value in ours.items()}
    is_complete = True
    for who in described["peers"] if options.peers else ():
        found = figures([sys.executable, HERE / "peers/tensors.py", who, name, options.data])
        is_complete &= found is not None
        for task, value in (found or {}).items():
            by_task.setdefault(task, {})[who] = value
    for task, measured in by_task.items():
        for who, (figure, unit) in measured.items():
            line(task, who, f"{figure:.5g}", unit)
    for task, measured in by_task.items():
        bar = described.get("bars", {}).get(task, described.get("bar"))
        if is_complete and bar and OURS in measured and len(measured) > 1:
            compared(task, measured, bar)
    if "chain of ten" in ours:
        share = ours["copy of 16 M"][0] / ours["chain of ten"][0]
        line("chain of ten", f"share of a copy's bandwidth", f"{share:.3f}", f"x (bar 0.8: {'met' if share >= 0.8 else 'missed'})")


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
    print(f"# {task['about']}; {os.cpu_count()} cores; medians of five")
    if options.peers:
        print("# " + ", ".join(f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "torch", "jax")))
    for name in wanted:
        measure(name, task["measures"][name], options)


if __name__ == "__main__":
    main()
