"""Regular lines are read by position, the others by rules: where both could read a line they must say the same."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.format import RECORDS, Context
from storage.formats import _access_lines, _json, _json_lines, _times
from storage.formats._lines import LineFormat
from storage.formats.combined import Combined
from storage.formats.postgresql import Postgresql

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


@settings(max_examples=50, deadline=None)
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


_PREFIX = st.builds(
    lambda moment, session: f"2026-03-02 09:00:{moment}{session}",
    st.sampled_from(["00.001 UTC", "00.002 UTC", "01.000 UTC", "00 CET", "00.001 +01", "xx.001 UTC"]),
    st.sampled_from([" [7] a@b ", " [8] a@b ", " [7] ", " [7] app=x: y,", ":[9]:", " "]),
)
_STATEMENTS = st.sampled_from([
    "statement: SELECT 1", "statement: SELECT ': ' /*controller='a',action='b'*/", "execute a1: SELECT *\n\tFROM t",
    "execute a: b: SELECT 2", "execute nothing", "statement: ", "parse a: SELECT 3", "bind a: SELECT 3", "plan:",
    "fastpath", "statement: x\r", "statement: SELECT 'a:  b'\n\t2026-03-02 09:00:00.001 UTC [7] LOG:  duration: 9 ms",
])  # fmt: skip
_TIMED = st.builds(
    lambda number, gap, text: f"duration: {number} ms{gap}{text}",
    st.sampled_from(["0.093", "12", "", "1e3", "nan", "123456.789", "1234567890123456.5"]),
    st.sampled_from(["  ", "  ", " ", ""]), _STATEMENTS | st.just(""),
)  # fmt: skip
_TOLD = st.builds(
    lambda prefix, severity, message, more: f"{prefix}{severity}{message}" + (f"\n{prefix}{more}" if more else ""),
    _PREFIX, st.sampled_from(["LOG:  ", "LOG:  ", "LOG:  ", "ERROR:  ", "LOG: ", "", "DETAIL:  "]),
    _TIMED | _TIMED | _STATEMENTS | st.sampled_from(["shutting down", "a:  b"]),
    st.sampled_from(["", "", "DETAIL:  parameters: $1 = '7', $2 = 'a\n\tb'", "HINT:  none", "DETAIL: x"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(_TOLD, min_size=1, max_size=8), st.booleans())
def test_postgresql_records_say_the_same_by_position_and_by_rules(texts: list[str], final: bool) -> None:
    records, form = _records(texts), Postgresql()
    by_rules = form.by_rules(records, final=final, context=Context())
    parsed = form.parse(records, final=final)
    for table in ("queries", "logs"):
        found = parsed.frames[table].to_dicts() if table in parsed.frames else []
        assert found == by_rules.frames[table].to_dicts()
    assert parsed.rejects.to_dicts() == by_rules.rejects.to_dicts()
    assert parsed.held_from == by_rules.held_from


_TEXTS = st.text(st.sampled_from('ab ":{}[],\\/\n\té\u20ac\x7f0'), max_size=6)
_SCALARS = st.sampled_from(["0", "-1", "7", "007", "12345678901234567890", "1.5", "1.50", "80.0", "-0", "-0.0", "1e5",
                            "0.00001", "true", "false", "null", "NaN", ".5", "1.", "tru", "0.25",
                            "99999999999.25"])  # fmt: skip
_INNER = st.sampled_from(["{}", "[]", "[1]", '["a","b"]', '{"k":1.5}', '{"k":"v","l":null}', '{ "k": 1 }', "[1,2]",
                          '{"k":{"m":[]}}', '{"k":1,"k":2}', '{"k":"\\u00e9"}', '{"k":"a\\/b"}'])  # fmt: skip
_MEMBERS = st.tuples(
    st.sampled_from(["ts", "a", "b", "c", "other", 'q"', "é"]),
    _TEXTS.map(json.dumps) | _TEXTS.map(lambda t: json.dumps(t, ensure_ascii=False)) | _SCALARS | _INNER,
)
_OBJECT = st.builds(
    lambda members, gap, end: "{" + f",{gap}".join(f"{json.dumps(k)}:{gap}{v}" for k, v in members) + end,
    st.lists(_MEMBERS, max_size=4), st.sampled_from(["", " "]), st.sampled_from(["}", "}", "}", "} ", "", "}}"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_OBJECT, min_size=1, max_size=4), st.permutations([0, 1, 2, 3, 0, 1, 2]))
@example(['{"a":"x","b":7}', '{"a":"y \\" z","b":1.5}', '{"a":"","b":null}'], [0, 1, 2, 0])
def test_json_lines_are_the_same_by_position_and_decoded(objects: list[str], order: list[int]) -> None:
    lines = pl.Series([objects[i % len(objects)] for i in order])
    found = _json_lines.regular(lines, ("ts", "a", "b", "c"))
    decoded = _json.decode(lines, _json.texts("ts", "a", "b", "c"))[found[_json_lines.ROW]]
    assert decoded["is_object"].all()
    for name in ("ts", "a", "b", "c"):
        column = found[name] if name in found.columns else pl.Series([None] * found.height, dtype=pl.String)
        assert column.to_list() == decoded[name].to_list()


def test_lines_of_one_program_are_all_regular() -> None:
    line = '{"event":"job","ts":"2026-03-02T09:00:0%d.000250Z","memory_mb":%d.5,"context":{"user":%d},"retry":null}'
    lines = pl.Series([line % (i, i + 1, i) for i in range(9)])
    found = _json_lines.regular(lines, ("event", "ts", "memory_mb", "context"))
    assert found.height == 9
    assert found["context"].to_list() == [f'{{"user":{i}}}' for i in range(9)]
