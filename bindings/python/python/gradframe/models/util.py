"""Vectors of texts compared and searched, as sentence-transformers' `util` is used. What came as PyTorch's tensors is answered in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradframe.models._arguments import plan_error
from gradframe.models._base import array_of, is_torch, tensor

if TYPE_CHECKING:
    import numpy as np

    from gradframe.models._sentences import SentenceTransformer

__all__ = [
    "cos_sim",
    "dot_score",
    "euclidean_sim",
    "manhattan_sim",
    "normalize_embeddings",
    "pairwise_cos_sim",
    "paraphrase_mining",
    "quantize_embeddings",
    "semantic_search",
]
PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")
# Queries whose scores with all of a corpus's part are held at once.
_QUERIES, _CORPUS = 100, 500_000


def _unit(vectors: np.ndarray) -> np.ndarray:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return unit


def _two(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    a, b = (np.atleast_2d(array_of(values).astype("f4", copy=False)) for values in (first, second))
    if a.shape[-1] != b.shape[-1]:
        raise plan_error(f"similarity: expected vectors of one size, got {a.shape[-1]} and {b.shape[-1]}")
    return a, b


def _as(found: np.ndarray, *given: Any) -> Any:
    torch = any(is_torch(one[0] if isinstance(one, (list, tuple)) and one else one) for one in given)
    return tensor(found) if torch else found


def cos_sim(a: Any, b: Any) -> Any:
    """The cosine of each vector of `a` with each of `b`, [N, M]; of a vector of zeros 0."""
    first, second = _two(a, b)
    return _as(_unit(first) @ _unit(second).T, a, b)


def dot_score(a: Any, b: Any) -> Any:
    """The inner product of each vector of `a` with each of `b`, [N, M]."""
    first, second = _two(a, b)
    return _as(first @ second.T, a, b)


def euclidean_sim(a: Any, b: Any) -> Any:
    """The distance of each vector of `a` from each of `b`, negated: [N, M]."""
    import numpy as np

    first, second = _two(a, b)
    squares = (first**2).sum(-1)[:, None] + (second**2).sum(-1)[None] - 2 * (first @ second.T)
    return _as(-np.sqrt(np.maximum(squares, 0)), a, b)


def manhattan_sim(a: Any, b: Any) -> Any:
    """The sum of differences of each vector of `a` from each of `b`, negated: [N, M]."""
    import numpy as np

    first, second = _two(a, b)
    found = np.empty((len(first), len(second)), dtype="f4")
    for row, one in zip(found, first, strict=True):
        row[:] = -np.abs(second - one).sum(-1)
    return _as(found, a, b)


def pairwise_cos_sim(a: Any, b: Any) -> Any:
    """The cosine of each vector of `a` with that of `b` in its place, [N]."""
    return _as(by_pairs(cos_sim, a, b), a, b)


def by_pairs(score: Callable[[Any, Any], Any], a: Any, b: Any) -> np.ndarray:
    """A score of each vector of `a` with that of `b` in its place, [N]."""
    import numpy as np

    first, second = _two(a, b)
    if len(first) != len(second):
        raise plan_error(f"similarity: expected as many vectors on both sides, got {len(first)} and {len(second)}")
    if score is cos_sim or score is dot_score:
        first, second = (first, second) if score is dot_score else (_unit(first), _unit(second))
        return np.asarray(np.einsum("nd,nd->n", first, second))
    return np.array([score(one, other)[0, 0] for one, other in zip(first, second, strict=True)], dtype="f4")


def normalize_embeddings(embeddings: Any) -> Any:
    """Vectors of length 1."""
    return _as(_unit(array_of(embeddings)), embeddings)


def semantic_search(
    query_embeddings: Any,
    corpus_embeddings: Any,
    query_chunk_size: int = _QUERIES,
    corpus_chunk_size: int = _CORPUS,
    top_k: int = 10,
    score_function: Callable[[Any, Any], Any] = cos_sim,
) -> list[list[dict[str, Any]]]:
    """Of each query the nearest vectors of the corpus, the nearest first: `corpus_id` and `score`. Exact: all are compared, in parts."""
    import numpy as np

    queries, corpus = _two(query_embeddings, corpus_embeddings)
    results: list[list[dict[str, Any]]] = []
    for start in range(0, len(queries), query_chunk_size):
        part = queries[start : start + query_chunk_size]
        scores, places = np.empty((len(part), 0), dtype="f4"), np.empty((len(part), 0), dtype="i8")
        for first in range(0, len(corpus), corpus_chunk_size):
            more = array_of(score_function(part, corpus[first : first + corpus_chunk_size]))
            scores = np.concatenate([scores, more], axis=1)
            places = np.concatenate([places, np.broadcast_to(np.arange(first, first + more.shape[1]), more.shape)], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
            scores, places = np.take_along_axis(scores, best, axis=1), np.take_along_axis(places, best, axis=1)
        named = (zip(row.tolist(), own.tolist(), strict=True) for row, own in zip(places, scores, strict=True))
        results += [[{"corpus_id": place, "score": score} for place, score in row] for row in named]
    return results


def paraphrase_mining(
    model: SentenceTransformer, sentences: Sequence[str], *, top_k: int = 100, max_pairs: int = 500_000, **options: Any
) -> list[list[float | int]]:
    """Pairs of sentences that are near, the nearest first: `[score, i, j]` with i < j. Options are those of `encode`."""
    vectors = model.encode(list(sentences), **options)
    found = {}
    for one, row in enumerate(semantic_search(vectors, vectors, top_k=top_k + 1)):
        for near in row:
            pair = (min(one, near["corpus_id"]), max(one, near["corpus_id"]))
            if pair[0] != pair[1]:
                found[pair] = near["score"]
    ranked = sorted(((score, *pair) for pair, score in found.items()), key=lambda row: (-row[0], row[1], row[2]))
    return [list(row) for row in ranked[:max_pairs]]


def quantize_embeddings(embeddings: Any, precision: str, ranges: Any = None, calibration_embeddings: Any = None) -> np.ndarray:
    """Vectors [N, D] in less memory. "int8" and "uint8": each number by its place between the least and the largest of its column, in 256
    steps; these are of `ranges` [2, D], else of `calibration_embeddings`, else of the vectors themselves. "binary" and "ubinary": a bit a
    number, true above 0, eight in an i8 or u8.
    Errors: `PlanError` for another precision, or for a single vector that nothing says the ranges of."""
    import numpy as np

    vectors = array_of(embeddings).astype("f4", copy=False)
    if precision not in PRECISIONS:
        raise plan_error(f"quantize_embeddings: precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision == "float32":
        return vectors
    if precision in ("binary", "ubinary"):
        bits = np.packbits(vectors > 0, axis=-1)
        return bits if precision == "ubinary" else (bits.astype("i2") - 128).astype("i1")
    if ranges is None:
        known = vectors if calibration_embeddings is None else array_of(calibration_embeddings)
        if calibration_embeddings is None and (known.ndim == 1 or len(known) == 1):
            what = f"quantize_embeddings: the ranges of {precision} do not follow from a single vector"
            raise plan_error(f"{what}; hint: give ranges, or calibration_embeddings of many texts")
        ranges = np.stack([known.min(axis=0), known.max(axis=0)]) if len(known) else np.zeros((2, vectors.shape[-1]))
    low, high = np.asarray(ranges, dtype="f4")
    steps = (high - low) / 255
    found = np.clip(np.floor((vectors - low) / np.where(steps == 0, 1, steps)), 0, 255)
    return found.astype("u1") if precision == "uint8" else (found - 128).astype("i1")
