"""Times as logs write them, to UTC microseconds. Series in, series out; what cannot be read becomes null.

The common form is tried on the whole column first; the slower, tolerant one only on what was left over.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from storage.format import Context
from storage.formats._cuts import Lines, begins, numbers_at, runs_of, words_at
from storage.schema import TIME

_HOURS = {
    "Z": 0, "UTC": 0, "GMT": 0, "UCT": 0, "WET": 0, "WEST": 1, "BST": 1, "IST": 5.5, "CET": 1, "CEST": 2, "MET": 1,
    "MEST": 2, "EET": 2, "EEST": 3, "SAST": 2, "MSK": 3, "MSD": 4, "TRT": 3, "PKT": 5, "WIB": 7, "ICT": 7, "HKT": 8,
    "SGT": 8, "AWST": 8, "PHT": 8, "JST": 9, "KST": 9, "ACST": 9.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "AKST": -9, "AKDT": -8, "HST": -10, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5,
    "EDT": -4, "AST": -4, "ADT": -3, "NST": -3.5, "NDT": -2.5, "BRT": -3, "ART": -3, "CLT": -4, "COT": -5,
}  # fmt: skip
"""Zone abbreviations and their hours east of UTC. Some mean several zones: IST is India, CST and EST North America."""

OFFSETS = {name: f"{'-' if h < 0 else '+'}{int(abs(h)):02}:{int(abs(h) % 1 * 60):02}" for name, h in _HOURS.items()}

_CLOCK = (
    r"^\s*\[?(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T t_]+(?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?"
    r"\s*(?P<zone>[A-Za-z]{1,5}|[+-]\d\d(?::?\d\d)?)?\]?\s*$"
)
_STEADY = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:(?P<point>[.,])(?P<part>\d{1,6}))?"
    r"(?P<zone>Z|[+-]\d\d:\d\d| ?[A-Z]{3,5}|)"
)
_NUMBER = re.compile(r"\d{9,19}(?:\.\d*)?", re.ASCII)
_MANY = 64
"""Fewer times than this are read one by one."""
_FIRST = pl.lit(0).cast(TIME)
_LAST = pl.lit(7_258_118_400_000_000).cast(TIME)  # 2200-01-01: later is a damaged number, not a time


def plausible(times: pl.Series) -> pl.Series:
    """`times` (with a zone) as UTC microseconds; what lies outside 1970 to 2199 becomes null."""
    utc = pl.col("t").dt.convert_time_zone("UTC").cast(TIME)
    return times.alias("t").to_frame().select(pl.when(utc.is_between(_FIRST, _LAST)).then(utc)).to_series()


def iso(text: pl.Series, context: Context) -> pl.Series:
    """ISO 8601 and its relatives: a blank for the T, a comma for the point, zone names, no zone (then `context`'s)."""
    times = _steady(text, context) if len(text) >= _MANY else None
    return _of_any_form(text, context) if times is None else times


def _of_any_form(text: pl.Series, context: Context) -> pl.Series:
    times = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    if times.null_count() > text.null_count():
        left = text.filter(times.is_null() & text.is_not_null()).alias("text").unique()
        told = left.to_frame().with_columns(_tolerant(left, context).alias("told"))
        times = times.fill_null(
            text.alias("text").to_frame().join(told, on="text", how="left", maintain_order="left")["told"]
        )
    return plausible(times)


def _steady(text: pl.Series, context: Context) -> pl.Series | None:
    """A column of one form throughout, `2026-03-02T09:00:00.000250Z`: each second is read once, the fraction as digits.

    None where not all texts are of the form of the first: the same digits of a fraction, the same zone.
    """
    first = text[0]
    form = re.fullmatch(_STEADY, first) if isinstance(first, str) else None
    if form is None or text.null_count() or text.str.len_bytes().n_unique() > 1:
        return None
    lines = Lines.of(text)
    digits, zone = len(form["part"] or ""), form["zone"]
    fraction, fits = numbers_at(lines, lines.starts + 20, lines.starts + 20 + digits)
    same = begins(words_at(lines, lines.stops - len(zone)), zone)
    if digits:
        same &= fits & (lines.data[lines.starts + 19] == ord(form["point"]))
    if not same.all():
        return None
    seconds, lengths = runs_of(lines, lines.starts, 19)
    at = lines.starts[seconds]
    told = lines.cut(at, at + 19).alias("text") + zone
    if not told.str.contains(f"^(?:{_STEADY})$").all():
        return None
    whole = _of_any_form(told, context).cast(pl.Int64).gather(np.repeat(np.arange(len(seconds)), lengths))
    return (whole + fraction * 10 ** (6 - digits) if digits else whole).cast(TIME).alias(text.name)


def _tolerant(text: pl.Series, context: Context) -> pl.Series:
    """The same by a pattern, for the rest; a log that tells whole seconds repeats its times, so each is read once."""
    parts = text.alias("text").to_frame().select(pl.col("text").str.extract_groups(_CLOCK)).unnest("text")
    zone = pl.col("zone").str.to_uppercase()
    named = zone.str.contains("^[A-Z]")
    offset = pl.when(named).then(zone.replace_strict(OFFSETS, default=None)).otherwise(zone)
    moment = pl.concat_str(
        pl.col("date").str.replace_all("/", "-", literal=True), pl.lit("T"), "clock",
        pl.lit("."), pl.col("part").fill_null("0"),
    )  # fmt: skip
    fixed = (moment + offset).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    local = (
        moment.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
        .dt.replace_time_zone(context.time_zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
    return parts.select(pl.when(pl.col("zone").is_null()).then(local).otherwise(fixed)).to_series()


def epoch(text: pl.Series) -> pl.Series:
    """Numbers since 1970 as seconds, milliseconds, micro- or nanoseconds: the size of the number tells which."""
    parts = text.alias("text").to_frame()
    whole = pl.col("text").cast(pl.Int64, strict=False)
    real = pl.col("text").str.strip_chars().cast(pl.Float64, strict=False)
    real = pl.when(real.is_finite() & (real.abs() < 9e15)).then(real)
    exact = (
        pl.when(whole.abs() < 100_000_000_000).then(whole * 1_000_000)
        .when(whole.abs() < 100_000_000_000_000).then(whole * 1_000)
        .when(whole.abs() < 100_000_000_000_000_000).then(whole)
        .otherwise(whole // 1_000)
    )  # fmt: skip
    scaled = pl.when(real.abs() < 1e11).then(real * 1e6).when(real.abs() < 1e14).then(real * 1e3).otherwise(real)
    micros = pl.when(whole.is_not_null()).then(exact).otherwise(scaled.round().cast(pl.Int64, strict=False))
    return plausible(parts.select(micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")).to_series())


def clf(text: pl.Series) -> pl.Series:
    """The common log format's `22/Nov/2026:16:03:47 +0000`."""
    return plausible(text.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", time_zone="UTC", strict=False))


def shaped(text: pl.Series, form: str, context: Context) -> pl.Series:
    """Times of one strptime `form`; without a zone in it they are in `context`'s."""
    if "%z" in form or "%#z" in form:
        return plausible(text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False))
    times = text.str.to_datetime(form, time_unit="us", strict=False)
    return plausible(times.dt.replace_time_zone(context.time_zone, ambiguous="earliest", non_existent="null"))


def anything(text: pl.Series, context: Context) -> pl.Series:
    """ISO text, an epoch number or the common log format, whichever each value is.

    No text can be read in two of these ways, so that which most values are of is tried first.
    """
    ways = [lambda left: iso(left, context), epoch, clf]
    if len(text) and isinstance(first := text[0], str) and _NUMBER.fullmatch(first):
        ways = [epoch, ways[0], clf]
    times = ways[0](text)
    for read in ways[1:]:
        if times.null_count() > text.null_count():
            times = times.fill_null(read(text.set(times.is_not_null(), None)))
    return times
