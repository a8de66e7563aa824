"""Frames and Series as bytes and back: pickle, copy, `serialize` and `deserialize`."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._gradframe import PyDataFrame


class Kept:
    """What holds rows in memory: they travel as an Arrow stream. It never changes, so that a copy shares them."""

    __slots__ = ()

    _frame: PyDataFrame

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), stream_of(self._frame.to_arrow()))

    def __copy__(self) -> Self:
        return type(self)._of(self._frame)  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def serialize(self, file: Any = None, *, format: Literal["binary"] = "binary") -> bytes | None:  # noqa: A002, Polars's name
        """The rows and their types as an Arrow stream, for `deserialize`; given back, or written into a file."""
        if format != "binary":
            raise PlanError(f'serialize: unknown format `{format}`; hint: "binary", or write_json() for text')
        made = stream_of(self._frame.to_arrow())
        if file is None:
            return made
        if hasattr(file, "write"):
            file.write(made)
        else:
            with open(file, "wb") as opened:
                opened.write(made)
        return None

    @classmethod
    def deserialize(cls, source: Any, *, format: Literal["binary"] = "binary") -> Self:  # noqa: A002
        """What `serialize` has written: its bytes, an open file, or a path."""
        if format != "binary":
            raise PlanError(f'deserialize: unknown format `{format}`; hint: "binary"')
        if hasattr(source, "read"):
            source = source.read()
        elif isinstance(source, str | os.PathLike):
            with open(source, "rb") as opened:
                source = opened.read()
        return _restored(cls, source)


class KeptQuery:
    """A query travels as its SQL and the rows in memory that it names. It never changes, so that a copy is the query itself."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _requeried, (type(self), self.serialize())  # type: ignore[attr-defined]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def stream_of(table: Any) -> bytes:
    """A table as an Arrow stream in bytes."""
    import pyarrow

    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _restored(cls: Any, stream: bytes) -> Any:
    import pyarrow

    from gradframe._default import session

    try:
        table = pyarrow.ipc.open_stream(stream).read_all()
    except (pyarrow.ArrowInvalid, OSError, TypeError) as error:
        raise PlanError(f"deserialize: these are no rows that serialize() has written: {error}") from error
    return cls._of(session()._session.from_arrow(table))


def _requeried(cls: Any, text: bytes) -> Any:
    return cls.deserialize(io.BytesIO(text))
