"""Unpacks MNIST's training set: python unpack_mnist.py FROM TO; files that are there already stay."""

import gzip
import pathlib
import shutil
import sys

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def main(source, target):
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (target / name).exists():
            with gzip.open(source / f"{name}.gz") as packed, open(target / f"{name}.part", "wb") as out:
                shutil.copyfileobj(packed, out)
            (target / f"{name}.part").rename(target / name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
