"""PostgreSQL's `log_line_prefix`, read by the usual forms and keys of what it may hold, whatever their order."""

from __future__ import annotations

import re

import polars as pl

from storage.format import Context
from storage.formats import _times
from storage.formats._cells import nulls
from storage.formats._cuts import Lines, begins, words_at

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: ?(?:[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?))?"
"""%m or %t; %n is seconds since 1970."""

_EPOCH = r"\b1\d{9}\.\d{3}\b"
_UNKNOWN = r"\[unknown\]"
_TRANSACTION = r"(?:^|[\s\[=,:(])(-?\d+/\d+)"
_FIELDS = {
    "pid": r"(?:\[|\bpid[=:] ?\"?|^ ?)(\d+)\b",
    "session": r"\b([0-9a-f]{8}\.[0-9a-f]{1,8})\b",
    "db_user": rf"\b(?:user|usr|u)=({_UNKNOWN}|[^,\s\]@]*)",
    "database": rf"\b(?:db|database|dbname|d)=({_UNKNOWN}|[^,\s\]]*)",
    "application": rf"\b(?:app|application|application_name|a)=({_UNKNOWN}|.*?)(?:[,\s]+\w+=.*|\]?\s*:?)$",
}
_AT = rf"({_UNKNOWN}|[^\s@:\[\]=,]+)@({_UNKNOWN}|[^\s@:\[\]=,]+)"
_FEW = 0.25
"""Where no more than this share of a block's prefixes differ, only the different ones are read."""
_LOOK = 4096


def read(prefix: pl.Series, context: Context) -> pl.DataFrame:
    """`ts`, `pid`, `session`, `db_user`, `database`, `application` and `transaction_id`, a row for each prefix."""
    cut = _steady(prefix) if len(prefix) and not prefix.has_nulls() else None
    when, rest = cut if cut is not None else _searched(prefix)
    times = _times.anything(when, context).alias("ts")
    if cut is not None and times.has_nulls():
        when, rest = _searched(prefix)
        times = _times.anything(when, context).alias("ts")
    numbered = rest.str.contains("/", literal=True).any()
    blank = nulls(len(rest))
    transaction = (rest.str.extract(_TRANSACTION) if numbered else blank).alias("transaction_id")
    stable = rest.str.replace(r"-?\d+/\d+", "") if numbered else rest
    return times.to_frame().hstack(_by_text(stable)).hstack([transaction])


def _steady(prefix: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """The time and the rest of prefixes that begin with one, all of them in the form of the first; else None."""
    form = re.match(rf"({TIME})[ \]]", prefix[0])
    width = form.end(1) if form else 0
    zone = re.search(r" [A-Z]{3,5}$", form[1]) if form else None
    if form is None or zone is None:
        return None
    lines = Lines.of(prefix)
    stop = lines.starts + width
    same = (stop < lines.stops) & begins(words_at(lines, stop - len(zone[0])), zone[0] + form[0][-1])
    for place, character in enumerate(form[1]):
        if character in "-:. ":
            same &= lines.data[lines.starts + place] == ord(character)
    return (lines.cut(lines.starts, stop), lines.cut(stop, lines.stops)) if same.all() else None


def _searched(prefix: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The time and the rest of any prefix."""
    frame = prefix.str.extract_groups(rf"^(?P<when>{TIME})(?P<rest>.*)$").struct.unnest()
    if frame["when"].has_nulls():
        text = prefix.alias("prefix").to_frame().hstack(frame)
        frame = text.select(
            pl.coalesce("when", pl.col("prefix").str.extract(f"({TIME})"),
                        pl.col("prefix").str.extract(f"({_EPOCH})")).alias("when"),
            pl.coalesce("rest", pl.col("prefix").str.replace(rf"{TIME}|{_EPOCH}", "")).alias("rest"),
        )  # fmt: skip
    return frame["when"], frame["rest"].fill_null("")


def _by_text(rest: pl.Series) -> pl.DataFrame:
    """The fields of each prefix; sessions repeat theirs, so most blocks hold few different ones."""
    rest = rest.alias("rest")
    look = rest.head(_LOOK)
    if look.n_unique() > max(16, _FEW * look.len()):
        return _fields(rest)
    known = rest.unique()
    return rest.to_frame().join(
        known.to_frame().hstack(_fields(known)), on="rest", how="left", maintain_order="left"
    ).drop("rest")  # fmt: skip


def _fields(rest: pl.Series) -> pl.DataFrame:
    text = pl.col("rest")
    found = {name: text.str.extract(pattern).str.strip_chars('"') for name, pattern in _FIELDS.items()}
    found["db_user"] = pl.coalesce(found["db_user"], text.str.extract(_AT, 1))
    found["database"] = pl.coalesce(found["database"], text.str.extract(_AT, 2))
    return rest.to_frame().select(
        pl.when(~value.is_in(["", "[unknown]"])).then(value).alias(name) for name, value in found.items()
    )
