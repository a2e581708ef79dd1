"""Regular lines are read by position, the others by rules: where both could read a line they must say the same."""

from __future__ import annotations

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.format import RECORDS, Context
from storage.formats import _access_lines, _times
from storage.formats._lines import LineFormat
from storage.formats.combined import Combined

_ODD = st.text(st.sampled_from('ab /?"-[]\\.:é0'), max_size=6)
_CLIENT = st.sampled_from(["10.0.0.9", "::1", "-", "shop.example:443 10.0.0.9", "", "unix:"]) | _ODD
_USER = st.sampled_from(["- -", "- ann", "- a [b]", "-", "- -  "]) | _ODD
_TIME = st.sampled_from(["02/Mar/2026:09:00:00 +0000", "02/Mar/2026:09:00:01 +0100", "99/Mar/2026:09:00:00 +0000", "x"])
_TARGET = st.sampled_from(["/", "/a?b=c", "/a?", "/a?-", "?", "*", "/a b", "-", ""]) | _ODD
_REQUEST = st.builds(
    lambda method, target, version: f"{method} {target}{version}",
    st.sampled_from(["GET", "POST", "OPTIONS", "PROPFIND", "get", ""]), _TARGET,
    st.sampled_from([" HTTP/1.1", " HTTP/2", " HTTP/3.0", " HTTP/9", ""]),
) | st.sampled_from(["-", "", "\\x16\\x03", "GET /"]) | _ODD  # fmt: skip
_NUMBERS = st.builds(
    lambda code, size: f"{code} {size}",
    st.sampled_from(["200", "000", "-", "99", "1000", "abc"]),
    st.sampled_from(["17", "-", "0", "007", "123456789", "12345678901", "-5", "+5", "1.5", ""]),
)
_TRAIL = st.sampled_from(["", ' "-" "-"',
                          ' "-" "curl/8"', ' "r" "a"b"', ' "-" "-" 0.042 4bf9', ' "r" "a" "x" "y"', " 1234",
                          ' "é" "ü"', '"-" "-"', ' "-""-"', ' "-" "-" "1"2" 3'])  # fmt: skip
_REGULAR = st.builds(
    lambda client, target, size, trail: (
        f'{client} - - [02/Mar/2026:09:00:00 +0000] "GET {target} HTTP/1.1" {size}{trail}'
    ),
    _CLIENT, _TARGET, _NUMBERS, _TRAIL,
)  # fmt: skip
_LINE = _REGULAR | st.builds(
    lambda client, user, time, request, numbers, trail: f'{client} {user} [{time}] "{request}" {numbers}{trail}',
    _CLIENT, _USER, _TIME, _REQUEST, _NUMBERS, _TRAIL,
) | st.sampled_from(["", " ", '"', '""""""', "x" * 70])  # fmt: skip


def _records(lines: list[str]) -> pl.DataFrame:
    offsets = [sum(len(line.encode()) + 1 for line in lines[:i]) for i in range(len(lines))]
    return pl.DataFrame({"byte_offset": offsets, "record": lines, "damaged": [False] * len(lines)}, schema=RECORDS)


def _by_rules(records: pl.DataFrame) -> dict[str, list[dict[str, object]]]:
    parsed = LineFormat.parse(Combined(), records, final=True)
    return _told(parsed.frames["requests"], parsed.rejects)


def _told(requests: pl.DataFrame, rejects: pl.DataFrame) -> dict[str, list[dict[str, object]]]:
    rows = [{k: v for k, v in row.items() if v is not None} for row in requests.sort("byte_offset").to_dicts()]
    return {"requests": rows, "rejects": rejects.sort("byte_offset").to_dicts()}


@settings(max_examples=60, deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=12))
@example(['10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "GET /a?b HTTP/1.1" 200 17 "-" "x"'] * 3)
def test_access_lines_say_the_same_by_position_and_by_rules(lines: list[str]) -> None:
    records = _records(lines)
    parsed = Combined().parse(records, final=True)
    assert _told(parsed.frames["requests"], parsed.rejects) == _by_rules(records)


def test_an_ordinary_access_log_is_all_regular() -> None:
    common = '::1 - - [02/Mar/2026:09:00:00 +0000] "POST /a HTTP/2" 200 -'
    combined = '10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "GET /a?b HTTP/1.1" 304 17 "https://x/" "curl/8" 0.042'
    for line in (common, combined):
        flags, frame = _access_lines.regular(pl.Series([line] * 5))
        assert flags.all()
        assert frame.height == 5


_MOMENT = st.builds(
    lambda day, clock, part, zone: f"2026-03-{day}{clock}{part}{zone}",
    st.sampled_from(["02", "29", "32"]), st.sampled_from(["T09:00:00", " 23:59:59", "T02:30:00", "T9:00:000", "x"]),
    st.sampled_from(["", ".000250", ".1", ",999999", ".abc", ".+12", "\u00e91"]),
    st.sampled_from(["Z", "+01:00", " CET", "UTC", " XYZT", ""]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_MOMENT, min_size=1, max_size=3), st.sampled_from(["UTC", "Europe/Berlin"]))
@example(["2026-03-02T09:00:00.000250Z"], "UTC")
def test_times_of_one_form_are_the_same_read_together_and_one_by_one(texts: list[str], zone: str) -> None:
    column, context = pl.Series(texts * 64), Context(time_zone=zone)
    one_by_one = pl.concat([_times.iso(column[i : i + 1], context) for i in range(len(texts))])
    assert _times.iso(column, context).to_list() == one_by_one.to_list() * 64
