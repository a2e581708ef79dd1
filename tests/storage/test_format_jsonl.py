"""JSON lines: hostile lines cost nothing but themselves, and values land as the tables want them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.format import RECORDS, Context, Parsed, load, sniff
from storage.formats import _json
from storage.formats.jsonl import JsonLines
from storage.records import Text, to_records

GOOD = b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"SELECT 1","trace_id":"t"}\n'
NASTY: dict[str, bytes] = {
    "cut": b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"SEL',
    "text": b"something else",
    "array": b'["event","query"]',
    "scalar": b"3",
    "null": b"null",
    "string": b'"query"',
    "wrong type of ts": b'{"event":"query","ts":{"at":1},"sql":"x"}',
    "huge ts": b'{"event":"query","ts":1e400,"sql":"x"}',
    "number out of range": b'{"event":"query","ts":99999999999999999999999999,"sql":"x"}',
    "bad UTF-8": b'{"event":"query","ts":"2026-03-02T09:00:00Z\xff","sql":"\xff"}',
    "lone surrogate": b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"\\ud800"}',
    "raw NUL": b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"a\x00b"}',
    "raw control": b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"a\x01b"}',
    "two objects": b'{"event":"query"}{"event":"query"}',
    "trailing garbage": b'{"event":"query","ts":"2026-03-02T09:00:00Z","sql":"x"} tail',
    "byte order mark": b'\xef\xbb\xbf{"event":"query"}',
    "deep": b"[" * 5000,
    "deep object": b'{"a":' * 3000,
    "pretty": b'{\n  "event": "query"\n}',
    "no quotes": b"{event:query}",
    "NaN alone": b"NaN",
    "unknown event": b'{"event":"cocktail","ts":1}',
    "long": b'{"event":"query","sql":"' + b"x" * 300_000 + b'"}',
    "no ts": b'{"event":"query","sql":"x"}',
}


def parsed(raw: bytes) -> Parsed:
    """`raw` as JSON lines."""
    fmt = load("jsonl")
    ends = fmt.ends(raw)
    if not len(ends) or ends[-1] < len(raw):
        ends = np.append(ends, len(raw)).astype(np.int64)
    return fmt.parse(to_records(Text(raw, 0), ends), final=True)


def row(table: str, **values: object) -> dict[str, object]:
    """The one row that the object `values` becomes."""
    result = parsed((json.dumps(values) + "\n").encode())
    assert result.rejects.rows() == []
    (found,) = result.frames[table].rows(named=True)
    return found


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_line_spoils_no_other(name: str) -> None:
    """Three good lines, the nasty one, three more: six rows at their offsets, and the nasty one rejected."""
    result = parsed(GOOD * 3 + NASTY[name] + b"\n" + GOOD * 3)
    first = 3 * len(GOOD) + len(NASTY[name]) + 1
    offsets = [i * len(GOOD) for i in range(3)] + [first + i * len(GOOD) for i in range(3)]
    assert result.frames["queries"]["byte_offset"].to_list() == offsets
    assert result.rejects.height == NASTY[name].count(b"\n") + 1
    assert set(result.rejects["byte_offset"]) >= {3 * len(GOOD)}


def test_duplicate_keys_count_once_and_unknown_ones_not_at_all() -> None:
    """The first of two equal keys counts; a key that no table knows is ignored."""
    result = parsed(b'{"event":"job","event":"query","ts":1,"job_id":"a","job_id":"b","mood":"good"}\n')
    assert result.frames["jobs"]["job_id"].to_list() == ["a"]


def test_structures_become_json_text_and_texts_stay() -> None:
    """`params` as a list, an object, a text or a number: always text, JSON where it was a structure."""
    for given_params, text in (([1, "a"], '[1,"a"]'), ({"id": None}, '{"id":null}'), ("[7]", "[7]"), (7, "7")):
        assert row("queries", event="query", ts=1, sql="x", params=given_params)["params"] == text


def test_times_are_read_whatever_their_form() -> None:
    """RFC 3339 with any offset, a blank for the T, seconds, milliseconds, micro- and nanoseconds."""
    moment = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
    epoch = moment.timestamp()
    for ts in ("2026-03-02T09:00:00.25Z", "2026-03-02T10:00:00.250+01:00", "2026-03-02 09:00:00.250", epoch,
               int(epoch * 1e3), int(epoch * 1e6), int(epoch * 1e6) * 1000, str(epoch)):  # fmt: skip
        assert row("logs", event="log", ts=ts, message="x")["ts"] == moment, ts


def test_wrong_types_become_null_and_never_zero() -> None:
    """A value that does not fit its column is missing; numbers as text fit; NaN and infinity are missing."""
    found = row("jobs", event="job", ts=1, job_id=7, execution_ms="12.5", wait_ms="soon", memory_mb=None, cpu_ms=[],
                retry_count=2.0, payload_kb=True)  # fmt: skip
    assert found["job_id"] == "7" and found["execution_ms"] == 12.5 and found["retry_count"] == 2
    assert found["wait_ms"] is found["memory_mb"] is found["cpu_ms"] is found["payload_kb"] is None
    result = parsed(b'{"event":"job","ts":1,"job_id":"a","execution_ms":NaN,"wait_ms":Infinity}\n')
    assert result.frames["jobs"].select("execution_ms", "wait_ms").rows() == [(None, None)]


def test_every_event_lands_in_its_table_and_the_keys_decide_without_one() -> None:
    """`event` names the table; without it the telling keys do."""
    lines = [
        {"event": "request", "ts": 1, "path": "/"}, {"ts": 1, "client_ip": "::1", "status": 200},
        {"ts": 1, "sql": "SELECT 1"}, {"ts": 1, "execution_ms": 5}, {"ts": 1, "message": "x"},
        {"ts": 1, "subject": "a", "truth": True}, {"ts": 1, "prediction_id": "p", "model": "m"}, {"EVENT": "query", "ts": 1},  # noqa: E501
    ]  # fmt: skip
    result = parsed("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert {table: frame.height for table, frame in result.frames.items()} == {
        "requests": 2, "queries": 1, "jobs": 1, "logs": 1, "labels": 1, "predictions": 1,
    }  # fmt: skip
    assert result.rejects["record"].to_list() == [json.dumps(lines[-1])]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_survives_the_way_through_json(text: str) -> None:
    """What an application wrote is what lands, and our own quoting is read back as it was."""
    assert row("logs", event="log", ts=1, message=text)["message"] == text
    quoted = pl.DataFrame({"text": [text]}).select(_json.quoted(pl.col("text")).alias("json"))["json"][0]
    assert json.loads(quoted) == text


OTHER_KEYS = (
    ("@timestamp", "ts"), ("Method", "method"), ("remote_ip", "client_ip"), ("took", "duration_ms"),
    ("took_ms", "duration_ms"),
)  # fmt: skip


@pytest.mark.parametrize("copies", [1, 5])
def test_keys_of_other_names_are_read_as_the_configuration_says(copies: int) -> None:
    lines = [
        '{"@timestamp":"2026-03-02T09:00:00Z","remote_ip":"10.0.0.9","Method":"GET","path":"/a","took":1.5}',
        '{"ts":"2026-03-02T09:00:01Z","client_ip":"10.0.0.8","path":"\\u00e9","took_ms":"2"}',
        '{"@timestamp":"2026-03-02T09:00:02Z","colour":"red"}',
    ] * copies
    records = pl.DataFrame(
        {"byte_offset": range(len(lines)), "record": lines, "damaged": [False] * len(lines)}, schema=RECORDS
    )
    parsed = JsonLines().parse(records, final=True, context=Context(keys=OTHER_KEYS))
    found = parsed.frames["requests"].select("ts", "client_ip", "method", "path", "duration_ms").rows()
    first, second = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC)
    expected = [(first, "10.0.0.9", "GET", "/a", 1.5), (second, "10.0.0.8", None, "é", 2.0)]
    assert found == expected * copies
    assert parsed.rejects.height == copies


def test_a_log_of_other_keys_is_recognised_where_they_are_configured() -> None:
    head = b'{"@timestamp":"2026-03-02T09:00:00Z","remote_ip":"10.0.0.9","Method":"GET"}\n'
    found = sniff(head, OTHER_KEYS)
    assert found is not None
    assert found.name == "jsonl"
    assert (without := sniff(head)) is None or without.name != "jsonl"


def test_rejects_of_several_skeletons_are_told_with_their_reasons() -> None:
    """Each skeleton's lines come as a piece of the column, and some pieces hold no reject."""
    good = '{"event":"log","ts":"2026-03-02T09:00:00Z","message":"a"}'
    undated = '{"event":"query","sql":"SELECT 1"}'
    strange = '{"event":"cocktail","ts":"2026-03-02T09:00:00Z"}'
    text = "\n".join([good, undated, strange, good, undated, strange]) + "\n"
    found = parsed(text.encode())
    reasons = [str(reason).split(";")[0] for reason in found.rejects["reason"]]
    wrong = ["no readable `ts` (RFC 3339 text or a number since 1970)", "unknown event cocktail"]
    assert reasons == [*wrong, *wrong] and found.frames["logs"].height == 2
