"""Batches for training loops: `frame.iter_batches(...)` and `frame.to_torch(...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradframe import _gradframe
from gradframe.errors import ExecutionError, PlanError

STATE_VERSION = 1
# What a state and the loader that takes it must have in common, or batches would not be the same ones.
SHARED = ("batch_size", "shuffle", "seed", "rank", "world_size", "worker", "num_workers", "drop_last", "columns")


class BatchLoader:
    """An epoch of batches each time it is iterated over.

    Rows come in the frame's order, or with `shuffle` in that of a hash of their contents, another one each epoch. The order
    does not depend on threads or machines, so a position is a number: `state_dict()` says it, and a loader made in the same
    way goes on from there after `load_state_dict(state)`, to the same batches that would have come.
    """

    def __init__(
        self,
        frame: Any,
        convert: Callable[[Any], Any],
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        worker: int = 0,
        num_workers: int = 1,
        drop_last: bool = False,
    ) -> None:
        self._frame = frame
        self._convert = convert
        self._options = {
            "batch_size": _whole("batch_size", batch_size, 1),
            "shuffle": bool(shuffle),
            "seed": _whole("seed", seed, 0),
            "rank": _whole("rank", rank, 0),
            "world_size": _whole("world_size", world_size, 1),
            "worker": _whole("worker", worker, 0),
            "num_workers": _whole("num_workers", num_workers, 1),
            "drop_last": bool(drop_last),
        }
        for index, count in (("rank", "world_size"), ("worker", "num_workers")):
            if self._options[index] >= self._options[count]:
                what = f"{index} is {self._options[index]} and {count} {self._options[count]}"
                raise PlanError(f"iter_batches: {what}, expected a {index} from 0 to {self._options[count] - 1}")
        self._epoch = 0
        self._batches = 0

    @property
    def epoch(self) -> int:
        """The epoch under way, or that comes next: it decides the shuffle."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch."""
        self._epoch, self._batches = _whole("epoch", epoch, 0), 0

    def __iter__(self) -> Iterator[Any]:
        """The batches of the epoch that are still to come; after the last one the next epoch is due."""
        options, epoch = self._options, self._epoch
        loader = _gradframe.PyLoader(
            self._frame,
            batch_size=options["batch_size"],
            shuffle_seed=options["seed"] if options["shuffle"] else None,
            epoch=epoch,
            rank=options["rank"],
            world_size=options["world_size"],
            worker=options["worker"],
            workers=options["num_workers"],
            drop_last=options["drop_last"],
            skip_batches=self._batches,
        )
        for batch in loader:
            converted = self._convert(batch)
            # Counted before it is handed out: a state taken while the loop holds it comes after it.
            self._batches += 1
            yield converted
        if self._epoch == epoch:
            self._epoch, self._batches = epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: of plain numbers and texts, fit for a checkpoint."""
        return {"version": STATE_VERSION, "epoch": self._epoch, "batches": self._batches, **self._shared()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes to where another loader was. It must have been made with the same options, over the same columns."""
        if state.get("version") != STATE_VERSION:
            raise PlanError(f"load_state_dict: version {state.get('version')!r}, expected {STATE_VERSION}")
        shared = self._shared()
        for name in SHARED:
            if state.get(name) != shared[name]:
                what = f"the state was taken with {name} = {state.get(name)!r}, this loader has {shared[name]!r}"
                raise PlanError(f"load_state_dict: {what}; hint: make the loader as the one that the state comes from")
        self._epoch = _whole("epoch", state["epoch"], 0)
        self._batches = _whole("batches", state["batches"], 0)

    def _shared(self) -> dict[str, Any]:
        return {**self._options, "columns": list(self._frame.columns)}

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self._options.items())
        return f"BatchLoader({options}), epoch {self._epoch}, {self._batches} batches given"


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"iter_batches: {name} is {value!r}, expected a whole number")
    number = value.__index__()
    if number < least:
        raise PlanError(f"iter_batches: {name} is {number}, expected {least} or more")
    return number


def converter(batch_format: str, wrap: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What makes of the engine's batch what a loop asks for. `wrap` makes a DataFrame of it."""
    if batch_format not in FORMATS:
        from gradframe._names import suggested

        raise PlanError(f"iter_batches: unknown batch_format `{batch_format}`{suggested(batch_format, FORMATS)}")
    make = FORMATS[batch_format]
    return lambda batch: make(wrap(batch))


def _arrow(frame: Any) -> Any:
    table = frame.to_arrow()
    batches = table.to_batches()
    return batches[0] if batches else table


def _numpy(frame: Any) -> dict[str, Any]:
    return {name: _as_numpy(column) for name, column in _columns(frame)}


def _torch(frame: Any) -> dict[str, Any]:
    import torch

    return {name: _tensor(name, column, torch.from_dlpack, torch.as_tensor) for name, column in _columns(frame)}


def _jax(frame: Any) -> dict[str, Any]:
    import jax.numpy

    # JAX's arrays do not change, and must not share memory that might.
    return {name: _tensor(name, column, jax.numpy.asarray, jax.numpy.asarray) for name, column in _columns(frame)}


FORMATS: dict[str, Callable[[Any], Any]] = {
    "frame": lambda frame: frame,
    "arrow": _arrow,
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "polars": lambda frame: frame.to_polars(),
    "pandas": lambda frame: frame.to_pandas(),
}


def _columns(frame: Any) -> Iterator[tuple[str, Any]]:
    table = frame.to_arrow()
    for name, column in zip(table.column_names, table.columns, strict=True):
        yield name, column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _as_numpy(column: Any) -> Any:
    """A view of numbers without nulls, and of lists of one length of them as a matrix; else a copy."""
    flattened = _of_fixed_lists(column)
    if flattened is None:
        return column.to_numpy(zero_copy_only=False)
    values, shape = flattened
    return values.to_numpy(zero_copy_only=False).reshape(shape)


def _of_fixed_lists(column: Any) -> tuple[Any, tuple[int, ...]] | None:
    """The values below lists of one length, and the shape that they have; None of another type, or with null lists."""
    import pyarrow

    shape: tuple[int, ...] = (len(column),)
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    if not pyarrow.types.is_fixed_size_list(column.type):
        return None
    while pyarrow.types.is_fixed_size_list(column.type):
        if column.null_count:
            return None
        shape = (*shape, column.type.list_size)
        column = column.flatten()
    return column, shape


def _tensor(name: str, column: Any, view: Callable[[Any], Any], copy: Callable[[Any], Any]) -> Any:
    """A tensor over the same memory where its library takes it; texts and the like stay lists.

    A null has no place in a tensor, and is not a NaN: what to put there is the loop's to say.
    """
    import pyarrow

    values, shape = _of_fixed_lists(column) or (column, (len(column),))
    if values.null_count or column.null_count:
        nulls = column.null_count or values.null_count
        raise ExecutionError(f"iter_batches: column `{name}` has {nulls} nulls; hint: fill_null or drop_nulls first")
    if pyarrow.types.is_boolean(values.type):
        return copy(values.to_numpy(zero_copy_only=False)).reshape(shape)
    if not (pyarrow.types.is_integer(values.type) or pyarrow.types.is_floating(values.type)):
        return column.to_pylist()
    return (view(values) if len(values) else copy(values.to_numpy(zero_copy_only=False).copy())).reshape(shape)


def torch_dataset(make: Callable[..., BatchLoader], *, rank: int | None, world_size: int | None) -> Any:
    """A `torch.utils.data.IterableDataset` of batches; `make(rank=, world_size=, worker=, num_workers=)` makes its loader."""
    import torch.utils.data

    if (rank is None) != (world_size is None):
        raise PlanError("to_torch: give rank and world_size together")
    if rank is None:
        rank, world_size = _distributed()

    class FrameDataset(torch.utils.data.IterableDataset):
        """Batches of a frame, as dictionaries of tensors. Give it to a DataLoader with `batch_size=None`.

        With `num_workers` each of the DataLoader's workers makes its share of the batches; together they come in the order
        in which one process would give them. `state_dict` and `load_state_dict` are those of the worker that is asked, as
        torchdata's StatefulDataLoader expects. A frame cannot be sent to another process: workers have to be forked, which
        Python from 3.14 on does with `multiprocessing_context="fork"`.
        """

        def __init__(self) -> None:
            super().__init__()
            self._loader: BatchLoader | None = None

        def _own(self) -> BatchLoader:
            if self._loader is None:
                info = torch.utils.data.get_worker_info()
                worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
                self._loader = make(rank=rank, world_size=world_size, worker=worker, num_workers=workers)
            return self._loader

        def __iter__(self) -> Iterator[Any]:
            return iter(self._own())

        def set_epoch(self, epoch: int) -> None:
            self._own().set_epoch(epoch)

        def state_dict(self) -> dict[str, Any]:
            return self._own().state_dict()

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self._own().load_state_dict(state)

    return FrameDataset()


def _distributed() -> tuple[int, int]:
    """This process's rank and how many there are, where torch.distributed has been set up."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
