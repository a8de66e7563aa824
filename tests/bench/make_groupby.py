"""Writes the group-by table of H2O.ai's db-benchmark as Parquet: DIR/x.parquet.

    python make_groupby.py DIR [--millions 10] [--groups 100] [--seed 0]

id1, id2: strings of `groups` values; id3: strings of rows / groups values; id4, id5, id6: the same as integers;
v1: 1..5; v2: 1..15; v3: 0..100 with six decimals.
"""

import argparse
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def table(rows, groups, seed):
    random = np.random.default_rng(seed)
    many = max(1, rows // groups)
    few_names = pa.array([f"id{i:03d}" for i in range(1, groups + 1)])
    many_names = pa.array([f"id{i:010d}" for i in range(1, many + 1)])

    def pick(names):
        return names.take(pa.array(random.integers(0, len(names), rows)))

    def integers(highest):
        return pa.array(random.integers(1, highest + 1, rows, dtype=np.int32))

    return pa.table(
        {
            "id1": pick(few_names),
            "id2": pick(few_names),
            "id3": pick(many_names),
            "id4": integers(groups),
            "id5": integers(groups),
            "id6": integers(many),
            "v1": integers(5),
            "v2": integers(15),
            "v3": pa.array(np.round(random.random(rows) * 100, 6)),
        }
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--millions", type=float, default=10)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = table(int(options.millions * 1e6), options.groups, options.seed)
    options.directory.mkdir(parents=True, exist_ok=True)
    unfinished = options.directory / "x.unfinished"
    pq.write_table(made, unfinished, row_group_size=1 << 20)
    unfinished.rename(options.directory / "x.parquet")


if __name__ == "__main__":
    main()
