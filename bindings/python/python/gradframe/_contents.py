"""What a run can keep beside numbers, as the bytes of files: images as PNG, tables as Parquet, histograms as tables."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from typing import Any

from gradframe._frame import DataFrame, LazyFrame

# How files begin that are images already, and the endings of their names.
_IMAGES = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp"}
# Samples of a pixel, and what PNG calls that.
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def named(name: str, step: int | None, ending: str) -> str:
    """The artifact's path: `name.png`, or `name/000000012.png` at a step."""
    if not name.rsplit("/", 1)[-1].strip("."):
        raise ValueError(f"log: the name is {name!r}, expected one with letters")
    if step is not None:
        return f"{name}/{step:09d}{ending}"
    return name if name.endswith(ending) else name + ending


def image(value: Any) -> tuple[bytes, str]:
    """An image's bytes and ending: bytes of an image file as they are; what has `save` (PIL) or is an array, as PNG."""
    if isinstance(value, bytes):
        for start, ending in _IMAGES.items():
            if value.startswith(start):
                return value, ending
        raise ValueError("log_image: the bytes are of no PNG, JPEG, GIF or WebP file")
    if hasattr(value, "save"):
        file = io.BytesIO()
        value.save(file, format="PNG")
        return file.getvalue(), ".png"
    return png(value), ".png"


def png(value: Any) -> bytes:
    """An array of height x width, or with 1 to 4 samples a pixel, as PNG: bytes, truths, or numbers from 0 to 1."""
    import numpy as np

    array = np.asarray(value)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in _COLOUR_TYPES or 0 in array.shape:
        raise ValueError(f"log_image: the shape is {array.shape}, expected height x width, or with 1 to 4 samples a pixel")
    if array.dtype.kind in "fb":
        array = np.nan_to_num(np.clip(array.astype("float64"), 0, 1)) * 255 + 0.5
    elif array.dtype != np.uint8:
        raise TypeError(f"log_image: samples are {array.dtype}, expected uint8, or floats from 0 to 1")
    height, width, samples = array.shape
    lines = array.astype("uint8").reshape(height, width * samples)
    pixels = np.concatenate([np.zeros((height, 1), "uint8"), lines], axis=1).tobytes()  # each line unfiltered
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[samples], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels, 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(*part) for part in parts)


def _part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def table(value: Any) -> bytes:
    """A frame, or what a frame is made of, as a Parquet file."""
    if value is None:
        raise TypeError("log_table: the table is None, expected a frame or a dictionary of columns")
    frame = value if isinstance(value, (DataFrame, LazyFrame)) else DataFrame(value)
    if not frame.lazy().collect_schema():
        raise ValueError("log_table: the table has no columns")
    with tempfile.TemporaryDirectory(prefix="gradframe-") as directory:
        path = os.path.join(directory, "table.parquet")
        frame.lazy().sink_parquet(path)
        with open(path, "rb") as file:
            return file.read()


def histogram(values: Any, bins: int, counts: Any, edges: Any) -> Mapping[str, Any]:
    """The table of a histogram: lower, upper, count. Of values, those that are finite."""
    import numpy as np

    if values is not None:
        counts, edges = _counted(values, bins)
    if counts is None or edges is None:
        raise TypeError("log_histogram: expected values, or counts and edges")
    counts, edges = _counts(counts), np.asarray(edges, dtype="float64")
    if len(edges) != len(counts) + 1:
        raise ValueError(f"log_histogram: {len(counts)} counts have {len(counts) + 1} edges, got {len(edges)}")
    return {"lower": edges[:-1], "upper": edges[1:], "count": counts}


def _counts(counts: Any) -> Any:
    """Whole numbers where all are; densities and sums of weights as they are."""
    import numpy as np

    numbers = np.asarray(counts)
    if numbers.dtype.kind not in "biuf":
        raise TypeError(f"log_histogram: the counts are {counts!r}, expected numbers")
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError("log_histogram: a count is negative or no finite number")
    is_whole = (numbers < 2.0**63).all() and (numbers.dtype.kind != "f" or (numbers == np.floor(numbers)).all())
    return numbers.astype("int64" if is_whole else "float64")


def _counted(values: Any, bins: int) -> tuple[Any, Any]:
    """How many of the finite values are between edges that are equally far apart."""
    import numpy as np

    try:
        numbers = np.asarray(values, dtype="float64").ravel()
    except (TypeError, ValueError):
        raise TypeError(f"log_histogram: the values are {values!r}, expected numbers") from None
    numbers = numbers[np.isfinite(numbers)]
    most = np.finfo("float64").max
    is_wide = numbers.size > 0 and numbers.max() / 2 - numbers.min() / 2 > most / 2
    try:
        # Of values whose distance is no number halves have one.
        counts, edges = np.histogram(numbers / 2 if is_wide else numbers, bins=bins)
    except (TypeError, ValueError) as error:
        said = f"between {numbers.min()} and {numbers.max()}" if numbers.size else "of no values"
        raise ValueError(f"log_histogram: no {bins} bins {said}: {error}") from None
    return counts, np.clip(edges, -most / 2, most / 2) * 2 if is_wide else edges
