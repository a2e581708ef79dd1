"""Formats whose records stand alone, and helpers for records of one line and of several."""

from __future__ import annotations

from abc import abstractmethod

import polars as pl

from storage.format import NO_CONTEXT, Context, LogFormat, Offsets, Parsed, newline_ends, rejected


class LineFormat(LogFormat):
    """A format that says only what one record is; blank records are left out before it is asked."""

    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:  # noqa: ARG002
        """Every record by itself: `final` makes no difference."""
        return self.read(unblank(records), context)

    @abstractmethod
    def read(self, records: pl.DataFrame, context: Context) -> Parsed:
        """Typed columns of `records`, none of them blank, and the rejects."""


def unblank(records: pl.DataFrame) -> pl.DataFrame:
    """`records` without the blank ones. Nearly always there are none, which the first character tells."""
    record = records["record"]
    return records if record.str.contains(r"^\S").all() else records.filter(record.str.contains(r"\S"))


def ends_before(block: bytes, start: str, unless: str | None = None) -> Offsets:
    """The ends of lines after which a line matches `start`: where every record begins with such a line.

    What stands before the first such line is a record as well. A line at the end of `block` that is still growing
    counts once what is there of it matches, so `start` must not look at the end of a line. A line that matches
    `unless` belongs to the record before it although it looks like a start; this is judged on whole lines.
    """
    ends = newline_ends(block)
    ends = ends[ends < len(block)]
    if not len(ends):
        return ends
    lines = pl.Series(block.decode("latin-1").split("\n"), dtype=pl.String)[1 : len(ends) + 1]
    begins = lines.str.contains(start)
    if unless is not None:
        begins &= ~lines.str.contains(unless)
        if not block.endswith(b"\n"):
            begins[-1] = False
    sure: Offsets = ends[begins.to_numpy()]
    return sure


def matched(records: pl.DataFrame, pattern: str) -> pl.DataFrame:
    """`records` with the named groups of `pattern` as columns; all null where it does not match."""
    groups = records.select(pl.col("record").str.extract_groups(pattern).alias("groups")).unnest("groups")
    return records.hstack(groups)


def parted(rows: pl.DataFrame, reason: str | pl.Expr, *, needs: str = "ts") -> tuple[pl.DataFrame, pl.DataFrame]:
    """`rows` that have what they need (a time above all), and the others as rejects for `reason`."""
    good = rows[needs].is_not_null()
    if good.all():
        return rows, rejected(rows.clear(), reason)
    return rows.filter(good), rejected(rows.filter(~good), reason)


def share_with_continuations(head: pl.Series, start: str) -> float:
    """The share of lines that begin a record or follow one, weighed by how many begin one.

    Continuations count, but a log of one record and many strange lines must not look like a perfect fit.
    """
    starts = head.str.contains(start)
    first = starts.arg_max() if starts.any() else None
    if first is None:
        return 0.0
    belonging = (head.len() - first) / head.len()
    return belonging * min(1.0, 0.5 + 2.0 * float(starts.sum()) / head.len())
