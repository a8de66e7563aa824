"""Verbs of two frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from gradframe import _gradframe
from gradframe._frame.base import Verb, flat, listed, private_lazy
from gradframe.errors import PlanError

if TYPE_CHECKING:
    from gradframe._frame.base import Columns, Names


class JoinVerbs(Verb):
    """Verbs that bring another frame's columns or rows beside a frame's own."""

    __slots__ = ()

    def join(
        self,
        other: Any,
        on: Columns | None = None,
        how: Literal["inner", "left", "right", "full", "semi", "anti", "cross"] = "inner",
        *,
        left_on: Columns | None = None,
        right_on: Columns | None = None,
        suffix: str = "_right",
        validate: Literal["m:m", "m:1", "1:m", "1:1"] = "m:m",
        nulls_equal: bool = False,
        coalesce: bool | None = None,
        maintain_order: Literal["none", "left", "right", "left_right", "right_left"] | None = None,
    ) -> Self:
        """Joins on equal keys: columns or expressions of both sides (`on`), or of each (`left_on`, `right_on`).

        A right column whose name the left has gets the suffix. `validate` fails for a key that a side has twice where it
        says 1. Null equals null only with `nulls_equal`. The keys of both sides become one column unless `coalesce` says
        otherwise; of a full join, or of expressions, only if it does. The order of rows is open unless `maintain_order`; only
        of a cross join it is that of the left rows, and for each of them that of the right rows.
        """
        if on is not None and (left_on is not None or right_on is not None):
            raise PlanError("join: got `on` and `left_on` or `right_on`; hint: give `on` for keys of both sides, else the other two")
        if (left_on is None) != (right_on is None):
            given, missing = ("left_on", "right_on") if right_on is None else ("right_on", "left_on")
            raise PlanError(f"join: got `{given}` without `{missing}`; hint: keys that both sides have are given as `on`")
        joined = self._lazy().join(
            private_lazy(other, "join"),
            listed(on),
            how,
            listed(left_on),
            listed(right_on),
            suffix,
            validate,
            nulls_equal,
            coalesce,
            maintain_order,
        )
        return self._wrap(joined)

    def join_where(self, other: Any, *predicates: Columns, suffix: str = "_right") -> Self:
        """Pairs of rows for which all predicates are true. A right column whose name the left has too is meant, and shown,
        with the suffix."""
        return self._wrap(self._lazy().join_where(private_lazy(other, "join_where"), flat(predicates), suffix))

    def update(
        self,
        other: Any,
        on: Names | None = None,
        how: Literal["left", "inner", "full"] = "left",
        *,
        left_on: Names | None = None,
        right_on: Names | None = None,
        include_nulls: bool = False,
    ) -> Self:
        """The values of another frame in the place of this one's, where columns have the same name: row by row, or by equal
        keys. Nulls of the other frame replace nothing unless `include_nulls`. Rows stay in this frame's order."""
        left, right = listed(left_on) or listed(on), listed(right_on) or listed(on)
        other = private_lazy(other, "update")
        options = {"how": how, "include_nulls": include_nulls}
        return self._wrap(_gradframe.update(self._lazy(), other, left_on=left, right_on=right, **options))
