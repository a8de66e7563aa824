"""Frames brought to the columns and types that a program expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from gradframe._frame.base import Verb
from gradframe.errors import DTypeError, PlanError

Missing = Literal["insert", "raise"]
Casting = Literal["upcast", "forbid"]
OP = "match_to_schema"


class MatchingVerbs(Verb):
    """Verbs that hold a frame against a schema."""

    __slots__ = ()

    def match_to_schema(
        self,
        schema: Any,
        *,
        missing_columns: Missing | Mapping[str, Any] | Any = "raise",
        extra_columns: Literal["ignore", "raise"] = "raise",
        integer_cast: Casting | Mapping[str, Casting] = "forbid",
        float_cast: Casting | Mapping[str, Casting] = "forbid",
    ) -> Self:
        """The columns of the schema, `{name: type}`, in its order.

        A column that is not there is an error, or nulls ("insert"), or an expression; one that is too many is an error, or
        dropped ("ignore"). Integers and floats may become wider ones of their kind ("upcast"). Each may be said for a column:
        `{name: ...}`. Errors: `PlanError` for columns, `DTypeError` for types.
        """
        from gradframe import col
        from gradframe._frame.schema import Schema

        wanted = dict(Schema(schema))
        own = Schema(self._lazy().collect_schema())
        extra = [name for name in own if name not in wanted]
        if extra and extra_columns == "raise":
            names = ", ".join(f"`{name}`" for name in extra)
            raise PlanError(f'{OP}: the schema does not have the columns {names}; hint: extra_columns="ignore" drops them')
        columns = []
        for name, dtype in wanted.items():
            if name not in own:
                columns.append(_inserted(name, dtype, _of(missing_columns, name, "raise")))
            elif own[name] == dtype:
                columns.append(col(name))
            else:
                _require_wider(name, own[name], dtype, _of(integer_cast, name, "forbid"), _of(float_cast, name, "forbid"))
                columns.append(col(name).cast(dtype))
        return self._wrap(self._lazy().select(*columns))


def _of(choice: Any, name: str, default: str) -> Any:
    return choice.get(name, default) if isinstance(choice, Mapping) else choice


def _inserted(name: str, dtype: Any, how: Any) -> Any:
    from gradframe import lit

    if isinstance(how, str) and how == "raise":
        raise PlanError(f'{OP}: the frame has no column `{name}`; hint: missing_columns="insert" makes it of nulls')
    return (lit(None) if isinstance(how, str) else how).cast(dtype).alias(name)


def _require_wider(name: str, own: Any, wanted: Any, integer_cast: str, float_cast: str) -> None:
    for is_of, cast, option in ((_integer_bits, integer_cast, "integer_cast"), (_float_bits, float_cast, "float_cast")):
        (kind, bits), (wanted_kind, wanted_bits) = is_of(own), is_of(wanted)
        if bits and wanted_bits and kind == wanted_kind and wanted_bits > bits:
            if cast == "upcast":
                return
            raise DTypeError(f'{OP}: column `{name}` is {own}, expected {wanted}; hint: {option}="upcast" casts it')
    raise DTypeError(f"{OP}: column `{name}` is {own}, expected {wanted}; hint: cast it first")


def _integer_bits(dtype: Any) -> tuple[str, int]:
    """Whether it has a sign, and its width; 0 of what is no integer."""
    kind, _, bits = str(dtype).partition("Int")
    return kind, int(bits) if kind in ("", "U") and bits.isdigit() else 0


def _float_bits(dtype: Any) -> tuple[str, int]:
    kind, _, bits = str(dtype).partition("Float")
    return kind, int(bits) if kind == "" and bits.isdigit() else 0
