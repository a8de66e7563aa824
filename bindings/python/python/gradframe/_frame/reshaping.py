"""Verbs of shape: lists to rows, structs to columns, columns to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from gradframe._frame.base import Verb, flat, listed

if TYPE_CHECKING:
    from gradframe._frame.base import Columns


class ReshapingVerbs(Verb):
    """Verbs that turn values into rows and columns into each other."""

    __slots__ = ()

    def explode(self, columns: Columns, *more_columns: Columns, empty_as_null: bool = False, keep_nulls: bool = True) -> Self:
        """A row for each value of the lists in these columns, the other columns repeated. Several go side by side.

        An empty list gives no row unless `empty_as_null`, a null in the place of a list one of null unless not `keep_nulls`.
        """
        return self._wrap(self._lazy().explode(flat([columns, *more_columns]), empty_as_null, keep_nulls))

    def unnest(self, columns: Columns, *more_columns: Columns, separator: str | None = None) -> Self:
        """A column for each field of the structs in these columns, in their place, named as the field; with a separator,
        column, separator, field."""
        return self._wrap(self._lazy().unnest(flat([columns, *more_columns]), separator))

    def unpivot(
        self,
        on: Columns | None = None,
        *,
        index: Columns | None = None,
        variable_name: str | None = None,
        value_name: str | None = None,
    ) -> Self:
        """From wide to long: a row for each value of the columns `on`, which become two: the column's name and the value. The
        columns `index` are repeated; without `on` it is all others. The rows of the first column come first."""
        return self._wrap(self._lazy().unpivot(listed(on), listed(index), variable_name, value_name))
