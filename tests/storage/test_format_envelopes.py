"""docker, Kubernetes and syslog carry any other format, and a row's offset is that of its first outer line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from storage.errors import UsageError
from storage.format import Context, LogFormat, Parsed, load, sniff
from storage.records import Text, to_records

CONTEXT = Context(written_at=datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
ACCESS = '10.0.0.9 - - [22/Nov/2026:16:03:47 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl"\n'
POSTGRES = (
    "2026-11-22 16:03:55.563 UTC [7] LOG:  duration: 0.5 ms  execute a: SELECT 1\n\tFROM t WHERE a = $1\n"
    "2026-11-22 16:03:55.563 UTC [7] DETAIL:  parameters: $1 = 'x'\n"
    "2026-11-22 16:03:56.000 UTC [7] ERROR:  no such table\n"
)


def docker(text: str) -> str:
    """Each line of `text` as docker's json-file driver writes it."""
    return "".join(
        json.dumps({"log": line, "stream": "stdout", "time": "2026-11-22T16:03:47.1Z"}) + "\n"
        for line in text.splitlines(keepends=True)
    )


def cri(text: str, piece: int = 40) -> str:
    """Each line of `text` as a kubelet's file has it, long ones in pieces of `piece` characters."""
    lines = []
    for line in text.splitlines():
        parts = [line[i : i + piece] for i in range(0, len(line), piece)] or [""]
        lines += [
            f"2026-11-22T16:03:47.1Z stdout {'P' if i < len(parts) - 1 else 'F'} {p}" for i, p in enumerate(parts)
        ]
    return "\n".join(lines) + "\n"


def syslog(text: str, program: str = "nginx[31]") -> str:
    """Each line of `text` as rsyslog writes it, a TAB escaped."""
    return "".join(f"Nov 22 16:03:47 web-1 {program}: {line}\n".replace("\t", "#011") for line in text.splitlines())


def parsed(fmt: LogFormat, raw: bytes, base: int = 0, *, final: bool = True) -> Parsed:
    """`raw` through `fmt`, whole when `final`."""
    ends = fmt.ends(raw)
    if final and raw and (not len(ends) or ends[-1] < len(raw)):
        ends = np.append(ends, len(raw)).astype(np.int64)
    return fmt.parse(to_records(Text(raw, base), ends), final=final, context=CONTEXT)


@pytest.mark.parametrize(("name", "wrap"), [("docker-json", docker), ("cri", cri), ("syslog", syslog)])
@pytest.mark.parametrize(("inner", "text"), [("combined", ACCESS * 3), ("postgresql", POSTGRES)])
def test_the_rows_are_those_of_the_log_within(name: str, wrap: Callable[[str], str], inner: str, text: str) -> None:
    """Wrapping changes neither the number of rows nor what they hold; only their offsets."""
    within = parsed(load(inner), text.encode())
    outside = parsed(load(f"{name}+{inner}"), wrap(text).encode())
    assert outside.rejects.rows() == []
    for table, frame in within.frames.items():
        assert outside.frames[table].drop("byte_offset").equals(frame.drop("byte_offset")), table


@pytest.mark.parametrize(("wrap", "name"), [(docker, "docker-json"), (cri, "cri"), (syslog, "syslog")])
def test_sniffing_looks_into_the_envelope(wrap: Callable[[str], str], name: str) -> None:
    """The format within is recognised through each envelope; of lines nobody knows only the envelope is."""
    for inner, text in (("combined", ACCESS), ("postgresql", POSTGRES)):
        found = sniff(wrap(text).encode())
        assert found is not None and found.name == f"{name}+{inner}"
    plain = sniff(wrap("hello\nthere\n").encode())
    assert plain is not None and plain.name == name


def test_offsets_are_those_of_the_first_outer_line() -> None:
    """Each request's offset is where its docker line starts; a statement's where its first line's does."""
    raw = docker(ACCESS + POSTGRES.replace("2026-11-22 16:03:56.000", "2026-11-22 16:03:57.000"))
    starts = [0, *(i + 1 for i, c in enumerate(raw) if c == "\n")]
    rows = parsed(load("docker-json+combined"), docker(ACCESS * 3).encode()).frames["requests"]
    one = len(docker(ACCESS))
    assert rows["byte_offset"].to_list() == [0, one, 2 * one]
    tables = parsed(load("docker-json+postgresql"), raw.encode()).frames
    assert tables["queries"]["byte_offset"].to_list() == [starts[1]]
    assert tables["logs"]["byte_offset"].to_list() == [starts[4]]


@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)
@given(data=st.data())
def test_any_split_of_a_wrapped_log_gives_the_same_rows(data: st.DataObject) -> None:
    """Cut anywhere, with what is unfinished given again, the rows are those of the whole."""
    wrap, name = data.draw(st.sampled_from([(docker, "docker-json"), (cri, "cri")]))
    text, inner = data.draw(st.sampled_from([(ACCESS * 3, "combined"), (POSTGRES * 2, "postgresql")]))
    fmt, raw = load(f"{name}+{inner}"), wrap(text).encode()
    parts, start, seen = [], 0, 0
    for size in data.draw(st.lists(st.integers(1, 500), max_size=8)):
        seen = min(seen + size, len(raw))
        part = parsed(fmt, raw[start:seen], start, final=False)
        parts.append(part)
        ends = fmt.ends(raw[start:seen])
        start = part.held_from if part.held_from is not None else start + (int(ends[-1]) if len(ends) else 0)
    parts.append(parsed(fmt, raw[start:], start))
    whole = parsed(fmt, raw)
    for table, frame in whole.frames.items():
        pieces = [p.frames[table] for p in parts if table in p.frames]
        assert pl.concat(pieces, how="diagonal_relaxed").select(frame.columns).rows() == frame.rows()


def test_postgresql_through_syslog_gets_its_time_and_its_pieces_back() -> None:
    """Numbered pieces become one statement; the envelope's time and process stand in for a prefix without them."""
    raw = (
        "Feb 11 13:15:40 pc postgres[10819]: [7-1] db=shop,user=ann LOG:  duration: 13.9 ms  statement: SELECT a,\n"
        "Feb 11 13:15:40 pc postgres[10819]: [7-2] #011  b FROM\n"
        "Feb 11 13:15:40 pc postgres[10819]: [7-3]  t\n"
        "Feb 11 13:15:41 pc systemd[1]: Started PostgreSQL.\n"
    )
    found = sniff((raw * 2).encode())
    assert found is not None and found.name == "syslog+postgresql"
    frames = parsed(found, raw.encode()).frames
    (query,) = frames["queries"].rows(named=True)
    assert query["sql"] == "SELECT a,\n  b FROM t" and query["session"] == "10819" and query["database"] == "shop"
    assert query["ts"] == datetime(2026, 2, 11, 13, 15, 40, tzinfo=UTC)
    assert frames["logs"].select("logger", "message").rows() == [("systemd", "Started PostgreSQL.")]


def test_only_an_envelope_carries_another_format() -> None:
    """A name that puts a format into one that carries none is refused in one line."""
    with pytest.raises(UsageError, match="carries no other format"):
        load("combined+postgresql")
    with pytest.raises(UsageError, match="no format"):
        load("docker-json+cocktail")
