"""The public frames: thin classes over the extension's private ones. A verb that both frames have is written once."""

from gradframe._frame.eager import DataFrame
from gradframe._frame.group_by import GroupBy, LazyGroupBy
from gradframe._frame.lazy import Batches, LazyFrame
from gradframe._frame.schema import Schema
from gradframe._frame.series import Series
from gradframe._frame.series_ops import complete

complete(Series)

__all__ = ["Batches", "DataFrame", "GroupBy", "LazyFrame", "LazyGroupBy", "Schema", "Series"]
