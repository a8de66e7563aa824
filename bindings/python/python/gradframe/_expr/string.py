"""Functions of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradframe._dtypes import parse_dtype
from gradframe._expr.base import IntoExpr, column
from gradframe._expr.namespace import Namespace

if TYPE_CHECKING:
    from gradframe._expr.expr import Expr


class StrNamespace(Namespace):
    """Functions of text. Null gives null, unless a function says otherwise.

    A pattern is a regular expression of Rust's `regex`; `literal=True` takes it as it stands. Where an argument may vary by row
    it is text, or an expression. Places count bytes; lengths and slices count characters.
    """

    __slots__ = ()

    def contains(self, pattern: str | Expr, *, literal: bool = False, strict: bool = True) -> Expr:
        """Whether a pattern matches somewhere. A pattern that is none is an error, or gives null if not `strict`."""
        return self._call("str.contains", pattern, literal=literal, strict=strict)

    def contains_any(self, patterns: IntoExpr, *, ascii_case_insensitive: bool = False) -> Expr:
        """Whether one of several words is in it."""
        return self._call("str.contains_any", column(patterns), ascii_case_insensitive=ascii_case_insensitive)

    def count_matches(self, pattern: str | Expr, *, literal: bool = False) -> Expr:
        """How often a pattern matches."""
        return self._call("str.count_matches", pattern, literal=literal)

    def decode(self, encoding: str, *, strict: bool = True) -> Expr:
        """The bytes that text in "hex" or "base64" tells; for other text an error, or null if not `strict`."""
        return self._call("str.decode", encoding=encoding, strict=strict)

    def encode(self, encoding: str) -> Expr:
        """Its UTF-8 bytes in "hex" or "base64"."""
        return self._call("str.encode", encoding=encoding)

    def ends_with(self, suffix: str | Expr) -> Expr:
        """Whether it ends with a text."""
        return self._call("str.ends_with", suffix)

    def escape_regex(self) -> Expr:
        """The pattern that matches just this text."""
        return self._call("str.escape_regex")

    def extract(self, pattern: IntoExpr, group_index: int = 1) -> Expr:
        """What a group of a pattern's first match holds; group 0 is the whole match."""
        return self._call("str.extract", pattern, group_index=group_index)

    def extract_all(self, pattern: str | Expr) -> Expr:
        """Every match of a pattern, as a list."""
        return self._call("str.extract_all", pattern)

    def extract_groups(self, pattern: str) -> Expr:
        """The groups of a pattern's first match as a struct, with fields named as the groups are, else by their numbers."""
        return self._call("str.extract_groups", pattern=pattern)

    def extract_many(
        self, patterns: IntoExpr, *, ascii_case_insensitive: bool = False, overlapping: bool = False, leftmost: bool = False
    ) -> Expr:
        """Those of several words that are in it, as a list."""
        flags = {"ascii_case_insensitive": ascii_case_insensitive, "overlapping": overlapping, "leftmost": leftmost}
        return self._call("str.extract_many", column(patterns), **flags)

    def find(self, pattern: str | Expr, *, literal: bool = False, strict: bool = True) -> Expr:
        """The byte at which a pattern first matches; null where it does not."""
        return self._call("str.find", pattern, literal=literal, strict=strict)

    def find_many(
        self, patterns: IntoExpr, *, ascii_case_insensitive: bool = False, overlapping: bool = False, leftmost: bool = False
    ) -> Expr:
        """The bytes at which several words are in it, as a list."""
        flags = {"ascii_case_insensitive": ascii_case_insensitive, "overlapping": overlapping, "leftmost": leftmost}
        return self._call("str.find_many", column(patterns), **flags)

    def head(self, n: int | IntoExpr) -> Expr:
        """The first n characters; for a negative n, all but the last -n."""
        return self._call("str.head", column(n))

    def join(self, delimiter: str = "", *, ignore_nulls: bool = True) -> Expr:
        """All texts of the column or group as one, in the order of the rows. A null makes it null, unless they are ignored."""
        return self._call("str.join", delimiter=delimiter, ignore_nulls=ignore_nulls)

    def json_decode(self, dtype: Any) -> Expr:
        """The JSON that it is, as a type."""
        return self._call("str.json_decode", dtype=parse_dtype(dtype))

    def json_path_match(self, json_path: str) -> Expr:
        """The first value at a JSON path (`$.a[0]`), as text; null where there is none or the text is not JSON."""
        return self._call("str.json_path_match", json_path=json_path)

    def len_bytes(self) -> Expr:
        """How many bytes UTF-8 takes."""
        return self._call("str.len_bytes")

    def len_chars(self) -> Expr:
        """How many characters there are."""
        return self._call("str.len_chars")

    def normalize(self, form: str = "NFC") -> Expr:
        """The text in one of Unicode's normal forms: NFC, NFD, NFKC, NFKD."""
        return self._call("str.normalize", form=form)

    def pad_end(self, length: int | IntoExpr, fill_char: str = " ") -> Expr:
        """The text with a character behind it, up to so many characters."""
        return self._call("str.pad_end", column(length), fill_char=_character(fill_char))

    def pad_start(self, length: int | IntoExpr, fill_char: str = " ") -> Expr:
        """The text with a character before it, up to so many characters."""
        return self._call("str.pad_start", column(length), fill_char=_character(fill_char))

    def replace(self, pattern: str | Expr, value: str | Expr, *, literal: bool = False, n: int = 1) -> Expr:
        """The first n matches of a pattern replaced. `$1` or `${name}` in the value stands for what a group matched."""
        return self._call("str.replace", pattern, value, literal=literal, n=n)

    def replace_all(self, pattern: str | Expr, value: str | Expr, *, literal: bool = False) -> Expr:
        """All matches of a pattern replaced."""
        return self._call("str.replace", pattern, value, literal=literal, n=-1)

    def replace_many(
        self,
        patterns: IntoExpr | Mapping[str, str],
        replace_with: IntoExpr = None,
        *,
        ascii_case_insensitive: bool = False,
        leftmost: bool = False,
    ) -> Expr:
        """Several words replaced, each by its own text: given as a mapping, or as two lists of one length (or one text for all)."""
        if isinstance(patterns, Mapping):
            patterns, replace_with = list(patterns), list(patterns.values())
        words, values = column(patterns), column(replace_with)
        return self._call("str.replace_many", words, values, ascii_case_insensitive=ascii_case_insensitive, leftmost=leftmost)

    def reverse(self) -> Expr:
        """The text backwards; an accent stays with its letter."""
        return self._call("str.reverse")

    def slice(self, offset: int | IntoExpr, length: int | IntoExpr | None = None) -> Expr:
        """So many characters from an offset, which counts from the end where it is negative; all that follow if None."""
        return self._call("str.slice", column(offset), column(length))

    def split(self, by: IntoExpr, *, inclusive: bool = False, literal: bool = True, strict: bool = True) -> Expr:
        """The pieces between separators, as a list; `inclusive` leaves each separator at the end of its piece."""
        return self._call("str.split", by, inclusive=inclusive, literal=literal, strict=strict)

    def split_exact(self, by: IntoExpr, n: int, *, inclusive: bool = False) -> Expr:
        """The first n + 1 pieces as the fields `field_0` ... of a struct; null where there are fewer."""
        return self._call("str.split_exact", by, n=n, inclusive=inclusive)

    def splitn(self, by: IntoExpr, n: int) -> Expr:
        """n pieces as the fields `field_0` ... of a struct; the last holds the uncut rest."""
        return self._call("str.splitn", by, n=n)

    def starts_with(self, prefix: str | Expr) -> Expr:
        """Whether it begins with a text."""
        return self._call("str.starts_with", prefix)

    def strip_chars(self, characters: IntoExpr = None) -> Expr:
        """Without characters of a set at both ends; without whitespace if None."""
        return self._call("str.strip_chars", characters)

    def strip_chars_end(self, characters: IntoExpr = None) -> Expr:
        """Without characters of a set at the end; without whitespace if None."""
        return self._call("str.strip_chars_end", characters)

    def strip_chars_start(self, characters: IntoExpr = None) -> Expr:
        """Without characters of a set at the start; without whitespace if None."""
        return self._call("str.strip_chars_start", characters)

    def strip_prefix(self, prefix: IntoExpr) -> Expr:
        """Without a text that it begins with."""
        return self._call("str.strip_prefix", prefix)

    def strip_suffix(self, suffix: IntoExpr) -> Expr:
        """Without a text that it ends with."""
        return self._call("str.strip_suffix", suffix)

    def strptime(
        self,
        dtype: Any,
        format: str | None = None,
        *,
        strict: bool = True,
        exact: bool = True,
        cache: bool = True,
        ambiguous: str | Expr = "raise",
    ) -> Expr:
        """The date, datetime or time that it is, by a format of strftime's or of the usual forms."""
        wanted = parse_dtype(dtype)
        kind = type(wanted).__name__
        if kind == "Date":
            return self.to_date(format, strict=strict, exact=exact)
        if kind == "Time":
            return self.to_time(format, strict=strict)
        if kind != "Datetime":
            raise TypeError(f"str.strptime: {dtype!r} is no type of dates or times; expected Date, Datetime or Time")
        unit = wanted.time_unit if dtype is not type(wanted) else None
        return self.to_datetime(
            format, time_unit=unit, time_zone=wanted.time_zone, strict=strict, exact=exact, ambiguous=ambiguous
        )

    def tail(self, n: int | IntoExpr) -> Expr:
        """The last n characters; for a negative n, all but the first -n."""
        return self._call("str.tail", column(n))

    def to_date(self, format: str | None = None, *, strict: bool = True, exact: bool = True, cache: bool = True) -> Expr:
        """The date that it is, by a format of strftime's or of the usual forms. For other text an error, or null if not `strict`;
        if not `exact`, a part of the text may be a date. `cache` is taken for Polars's sake.
        """
        return self._call("str.to_date", format=format, strict=strict, exact=exact)

    def to_datetime(
        self,
        format: str | None = None,
        *,
        time_unit: str | None = None,
        time_zone: str | None = None,
        strict: bool = True,
        exact: bool = True,
        cache: bool = True,
        ambiguous: str | Expr = "raise",
    ) -> Expr:
        """The datetime that it is, by a format of strftime's or of the usual forms; read on the clock of a time zone, if given.

        What the clock shows twice: `ambiguous` is "raise", "earliest", "latest" or "null".
        """
        options = {"time_unit": time_unit, "time_zone": time_zone, "strict": strict, "exact": exact}
        return self._call("str.to_datetime", ambiguous, format=format, **options)

    def to_decimal(self, *, scale: int) -> Expr:
        """The decimal number that it is, with so many digits behind the point; null where it is none."""
        return self._call("str.to_decimal", scale=scale)

    def to_integer(self, *, base: int | IntoExpr = 10, dtype: Any = "i64", strict: bool = True) -> Expr:
        """The integer of a base (2 to 36) that it is. For other text an error, or null if not `strict`."""
        return self._call("str.to_integer", column(base), dtype=parse_dtype(dtype), strict=strict)

    def to_lowercase(self) -> Expr:
        """The text in small letters."""
        return self._call("str.to_lowercase")

    def to_time(self, format: str | None = None, *, strict: bool = True, cache: bool = True) -> Expr:
        """The time that it is, by a format of strftime's or as 10:20:30."""
        return self._call("str.to_time", format=format, strict=strict)

    def to_titlecase(self) -> Expr:
        """Each word with a capital."""
        return self._call("str.to_titlecase")

    def to_uppercase(self) -> Expr:
        """The text in capitals."""
        return self._call("str.to_uppercase")

    def zfill(self, length: int | IntoExpr) -> Expr:
        """The text with zeros before it, behind a sign, up to so many characters."""
        return self._call("str.zfill", column(length))


def _character(text: str) -> str:
    if len(text) != 1:
        raise ValueError(f"fill_char is {text!r}, expected one character")
    return text
