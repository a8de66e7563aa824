"""Named arrays in a file: the safetensors format (a header of JSON, then the bytes)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gradframe._array.core import Array, as_array, wrap
from gradframe._gradframe import array_from_buffer
from gradframe.errors import ExternalError

__all__ = ["load_safetensors", "save_safetensors"]


_NAMES = {
    "bool": "BOOL", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32",
    "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
}
_HEADER_BYTES_MAX = 100_000_000


def save_safetensors(state: dict[str, Any], path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Writes named arrays to a file, which takes its place when it is whole."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    buffers, start = [], 0
    for name, values in state.items():
        array = as_array(values)
        if array.dtype.name not in _NAMES:
            raise ExternalError(f"safetensors: `{name}` is {array.dtype}, which the format does not have")
        data = memoryview(array._array.buffer())
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, start + len(data)]}
        buffers.append(data)
        start += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(len(text).to_bytes(8, "little"))
            file.write(text)
            for data in buffers:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def load_safetensors(path: str | Path) -> dict[str, Array]:
    """The named arrays of a file. Raises ExternalError for one that is cut off or no such file."""
    data = Path(path).read_bytes()
    try:
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or length > min(_HEADER_BYTES_MAX, len(data) - 8):
            raise ValueError("the header is longer than the file")
        header = json.loads(data[8 : 8 + length])
        body = memoryview(data)[8 + length :]
        return {name: _array(name, entry, body) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExternalError(f"safetensors: {path} is broken: {error}") from error


def _array(name: str, entry: dict[str, Any], body: memoryview) -> Array:
    ours = {theirs: own for own, theirs in _NAMES.items()}
    if entry["dtype"] not in ours:
        raise ValueError(f"`{name}` is of type {entry['dtype']}, which arrays do not have")
    start, stop = entry["data_offsets"]
    if not 0 <= start <= stop <= len(body):
        raise ValueError(f"`{name}` lies outside of the file")
    return wrap(array_from_buffer(body[start:stop], ours[entry["dtype"]], list(entry["shape"])))
