"""Batches for training loops: `frame.iter_batches(...)` and `frame.to_torch(...)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradframe import _gradframe
from gradframe.errors import PlanError

STATE_VERSION = 2
# What a state and the loader that takes it must have in common, or batches would not be the same ones.
SHARED = ("batch_size", "shuffle", "seed", "rank", "world_size", "worker", "num_workers", "drop_last", "columns")
# Of a longer line of the plan the state has the beginning and a digest.
LINE_MAX = 400


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
        own_memory: bool = False,
    ) -> None:
        self._frame = frame
        self._convert = convert
        self._own_memory = own_memory
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
        self._plan: list[str] | None = None
        self._epoch = 0
        self._batches = 0
        self._given: tuple[int, int] | None = None
        # Whose batches count: those of the newest iterator, unless the loader went elsewhere since.
        self._counted: object | None = None

    @property
    def epoch(self) -> int:
        """The epoch under way, or that comes next: it decides the shuffle."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch. A loop that is under way ends its own."""
        self._go_to(_whole("epoch", epoch, 0), 0)

    def __iter__(self) -> Iterator[Any]:
        """The batches of the epoch that are still to come; after the last one the next epoch is due. Of several iterators the newest says
        where the loader is."""
        options, epoch, given = self._options, self._epoch, self._batches
        self._counted = own = object()
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
            skip_batches=given,
            own_memory=self._own_memory,
        )
        for batch in loader:
            converted = self._convert(batch)
            # Counted before it is handed out: a state taken while the loop holds it comes after it.
            given += 1
            if self._counted is own:
                self._batches, self._given = given, (epoch, given)
            yield converted
        if self._counted is own:
            self._epoch, self._batches, self._counted = epoch + 1, 0, None

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is: of plain numbers and texts, fit for a checkpoint."""
        return {"version": STATE_VERSION, "epoch": self._epoch, "batches": self._batches, **self._shared()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes to where another loader was. It must have been made with the same options over the same plan: other rows would
        come in other batches. Errors: `PlanError` that says what differs, or that it is no state."""
        if not isinstance(state, Mapping):
            what = f"got a {type(state).__name__}, expected what state_dict() gives"
            raise PlanError(f"load_state_dict: {what}; hint: keep state_dict() in the checkpoint, and give it back")
        if state.get("version") != STATE_VERSION:
            raise PlanError(f"load_state_dict: version {state.get('version')!r}, expected {STATE_VERSION}")
        shared = self._shared()
        for name in SHARED:
            if state.get(name) != shared[name]:
                what = f"the state was taken with {name} = {state.get(name)!r}, this loader has {shared[name]!r}"
                raise PlanError(f"load_state_dict: {what}; hint: make the loader as the one that the state comes from")
        if difference := _different(state.get("plan"), shared["plan"]):
            raise PlanError(f"load_state_dict: the state was taken over another plan: {difference}; hint: rows and their order must be the same")
        self._go_to(_whole("epoch", state.get("epoch"), 0), _whole("batches", state.get("batches"), 0))

    def _go_to(self, epoch: int, batches: int) -> None:
        """To the place in an epoch after so many batches."""
        self._epoch, self._batches, self._counted = epoch, batches, None

    def _shared(self) -> dict[str, Any]:
        if self._plan is None:
            self._plan = [_short(line) for line in _gradframe.outline(self._frame)]
        return {**self._options, "columns": list(self._frame.columns), "plan": list(self._plan)}

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self._options.items())
        return f"BatchLoader({options}), epoch {self._epoch}, {self._batches} batches given"


def _short(line: str) -> str:
    if len(line) <= LINE_MAX:
        return line
    import hashlib

    return f"{line[: LINE_MAX // 2]}... {hashlib.sha256(line.encode()).hexdigest()}"


def _different(theirs: Any, ours: list[str]) -> str | None:
    """Where two plans are not the same; None where they are."""
    if not isinstance(theirs, list):
        return "the state names none"
    for number, (their, our) in enumerate(zip(theirs, ours, strict=False), 1):
        if their != our:
            return f"its step {number} is `{str(their).strip()}`, this loader's `{our.strip()}`"
    return None if len(theirs) == len(ours) else f"it has {len(theirs)} steps, this loader's {len(ours)}"


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"iter_batches: {name} is {value!r}, expected a whole number")
    number = value.__index__()
    if number < least:
        raise PlanError(f"iter_batches: {name} is {number}, expected {least} or more")
    if number >= 2**64:
        raise PlanError(f"iter_batches: {name} is {number}, expected less than 2**64")
    return number


def torch_dataset(frame: Any, options: dict[str, Any], rank: int | None = None, world_size: int | None = None) -> Any:
    """A `torch.utils.data.IterableDataset` of a frame's batches, with these options of `iter_batches`."""
    import torch.utils.data

    if (rank is None) != (world_size is None):
        raise PlanError("to_torch: give rank and world_size together")
    if rank is None:
        rank, world_size = _distributed()

    class FrameDataset(torch.utils.data.IterableDataset):
        """Batches of a frame, as dictionaries of tensors. Give it to a DataLoader with `batch_size=None`.

        With `num_workers` each of the DataLoader's workers makes its share of the batches; together they come in the order
        in which one process would give them. Workers may be forked or started anew: to these the query is sent, with the paths of its
        files and its rows in memory. They begin where `set_epoch` or `load_state_dict` in the main process said, for as
        long as no iteration has begun: like a DistributedSampler's, the shuffle is another one in each epoch if the loop calls `set_epoch`
        before it, or if the DataLoader has `persistent_workers`. `state_dict` and `load_state_dict` are those of the
        worker that is asked, as torchdata's StatefulDataLoader expects.
        """

        def __init__(self) -> None:
            super().__init__()
            self._loader: BatchLoader | None = None
            # Which worker of how many the loader is for, None in the main process; and the epoch and batches that that was told to begin with.
            self._share: tuple[int, int] | None = None
            self._start = (0, 0)

        def _own(self) -> BatchLoader:
            info = torch.utils.data.get_worker_info()
            share = None if info is None else (info.id, info.num_workers)
            # A forked worker has the loader of the process that it comes from.
            if self._loader is None or share != self._share:
                self._share = share
                epoch, batches = self._start
                self._loader = self._dealt(batches)
                worker, workers = (self._loader._options[name] for name in ("worker", "num_workers"))
                self._loader._go_to(epoch, len(range(worker, batches, workers)))
            return self._loader

        def _dealt(self, turn: int) -> BatchLoader:
            """A loader of this worker's batches. A DataLoader asks its first worker first: in the middle of an epoch that one's are those of
            the worker whose turn it is."""
            worker, workers = self._share or (0, 1)
            dealt = {"rank": rank, "world_size": world_size, "worker": (worker + turn) % workers, "num_workers": workers}
            return frame.iter_batches(batch_format="torch", **options, **dealt)

        def _begin(self, loader: BatchLoader) -> None:
            """Workers that are started from now on begin where this loader is."""
            if self._share is None:
                self._start = (loader._epoch, loader._batches)

        def __reduce__(self) -> tuple[Any, ...]:
            return torch_dataset, (frame, options, rank, world_size), {"_start": self._start}

        def __iter__(self) -> Iterator[Any]:
            loader = self._own()
            is_another = loader._batches == 0 and loader._epoch != self._start[0]
            if self._share is not None and is_another and loader._options["worker"] != self._share[0]:
                # A later epoch is dealt from the first worker on.
                epoch, self._loader = loader._epoch, self._dealt(0)
                self._loader._go_to(epoch, 0)
            return iter(self._own())

        def set_epoch(self, epoch: int) -> None:
            self._own().set_epoch(epoch)
            self._begin(self._own())

        def state_dict(self) -> dict[str, Any]:
            return self._own().state_dict()

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self._own().load_state_dict(state)
            self._begin(self._own())

    return FrameDataset()


def _distributed() -> tuple[int, int]:
    """This process's rank and how many there are, where torch.distributed has been set up."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
