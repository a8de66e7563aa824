"""PyTorch's operator samples as JSON, one operator a line, for `ml/kernels/examples/opinfo`.

    python opinfo_cases.py FOLDER > cases.jsonl

Only the standard library: the files hold NumPy arrays of version 1 in zip archives. Numbers are text, as JSON has no NaN.
"""

import ast
import io
import json
import pathlib
import struct
import sys
import zipfile

CODES = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?", "u2": "H", "u4": "I", "u8": "Q"}


def array(data):
    """Type code, shape and elements of a .npy file; None for a type without a code here."""
    stream = io.BytesIO(data)
    stream.seek(8)
    (length,) = struct.unpack("<H", stream.read(2))
    header = ast.literal_eval(stream.read(length).decode())
    code = CODES.get(header["descr"][1:])
    if code is None or header["fortran_order"]:
        return None
    raw = stream.read()
    count = len(raw) // struct.calcsize(code)
    return {"type": header["descr"][1:], "shape": list(header["shape"]), "data": [text(v) for v in struct.unpack(f"<{count}{code}", raw)]}


def text(value):
    return repr(int(value) if isinstance(value, bool) else value)


def cases(entry, archive):
    for number, case in enumerate(entry["cases"]):
        arrays = {}
        for name in archive.namelist():
            key = name.removesuffix(".npy")
            if key.startswith(f"s{number}_"):
                arrays[key.removeprefix(f"s{number}_")] = array(archive.read(name))
        yield {**case, "arrays": arrays}


def main(folder):
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        with zipfile.ZipFile(folder / "cases" / entry["file"]) as archive:
            print(json.dumps({"op": entry["op"], "cases": list(cases(entry, archive))}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
