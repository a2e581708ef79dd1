"""Every log format keeps the contract of `storage/format.py`: a new file in `storage/formats/` is tested at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from storage import schema
from storage.format import RECORDS, REJECTED, Context, LogFormat, Parsed, Sample, load, names, sniff
from storage.records import Text, to_records

CONTEXT = Context(written_at=datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
UNDATED = ("labels", "predictions")
"""Tables whose rows get the landing's time where a log tells none."""
SAMPLES = [(name, i) for name in names() for i in range(len(load(name).samples))]
quickly = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
"""The inputs are samples, short as they are: shrinking them costs minutes and shows nothing new."""
every_format = pytest.mark.parametrize("name", names())


def cut(fmt: LogFormat, block: bytes, base: int = 0, *, final: bool = True) -> pl.DataFrame:
    """The records of `block`; what follows the last sure end is one more where nothing follows."""
    ends = fmt.ends(block)
    if final and len(block) and (not len(ends) or ends[-1] < len(block)):
        ends = np.append(ends, len(block)).astype(np.int64)
    return to_records(Text(block, base), ends)


def whole(fmt: LogFormat, text: str | bytes) -> Parsed:
    """`text` parsed in one block."""
    raw = text.encode() if isinstance(text, str) else text
    return fmt.parse(cut(fmt, raw), final=True, context=CONTEXT)


def in_chunks(fmt: LogFormat, raw: bytes, sizes: list[int]) -> list[Parsed]:
    """`raw` as a tail would see it: grown by `sizes` bytes at a time, what is unsure or held given again."""
    parts, start, seen = [], 0, 0
    for size in sizes:
        seen = min(seen + size, len(raw))
        records = cut(fmt, raw[start:seen], start, final=False)
        parsed = fmt.parse(records, final=False, context=CONTEXT)
        parts.append(parsed)
        ends = fmt.ends(raw[start:seen])
        start = parsed.held_from if parsed.held_from is not None else start + (int(ends[-1]) if len(ends) else 0)
    parts.append(fmt.parse(cut(fmt, raw[start:], start), final=True, context=CONTEXT))
    return parts


def landed(parts: list[Parsed]) -> dict[str, list[dict[str, object]]]:
    """All rows by table, and the rejects, in the order of their offsets."""
    tables = {table: schema.concat(table, [p.frames[table] for p in parts if table in p.frames])
              for table in schema.TABLES if table != "rejects"}  # fmt: skip
    rows = {table: frame.rows(named=True) for table, frame in tables.items() if frame.height}
    rejects = pl.concat([p.rejects.cast(REJECTED) for p in parts])
    return rows | ({"rejects": rejects.rows(named=True)} if rejects.height else {})


def as_text(value: object) -> object:
    """A time as RFC 3339, as short as the samples write it."""
    if not isinstance(value, datetime):
        return value
    return re.sub(r"\.000000Z$", "Z", value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


@every_format
def test_a_format_says_what_it_is(name: str) -> None:
    """Name, title, tables that exist, and at least one sample of each kind."""
    fmt = load(name)
    assert fmt.name == name and fmt.title and "\n" not in fmt.title
    assert fmt.tables and set(fmt.tables) <= set(schema.TABLES)
    assert {sample.kind for sample in fmt.samples} == {"good", "edge", "reject"}


@pytest.mark.parametrize(("name", "index"), SAMPLES)
def test_a_sample_becomes_what_it_says(name: str, index: int) -> None:
    """Good and edge samples land their rows and reject nothing; the others land nothing and say why."""
    fmt = load(name)
    sample: Sample = fmt.samples[index]
    parsed = whole(fmt, sample.text)
    assert parsed.held_from is None
    if sample.kind == "reject":
        assert parsed.rejects.height and not sum(frame.height for frame in parsed.frames.values())
        assert parsed.rejects["reason"].null_count() == 0 and (parsed.rejects["reason"].str.len_chars() > 8).all()
        return
    assert parsed.rejects.rows() == []
    rows = landed([parsed])
    assert {table: len(found) for table, found in rows.items()} == {t: len(r) for t, r in sample.rows.items()}
    for table, expected in sample.rows.items():
        for want, have in zip(expected, rows[table], strict=True):
            assert {key: as_text(have[key]) for key in want} == want


@every_format
def test_columns_are_those_of_the_tables(name: str) -> None:
    """No column that the table does not know, every row with a time and an offset, every value of its type."""
    fmt = load(name)
    for sample in fmt.samples:
        for table, frame in whole(fmt, sample.text).frames.items():
            assert table in fmt.tables
            assert set(frame.columns) - {"byte_offset"} <= set(schema.TABLES[table].columns), table
            typed = schema.TABLES[table].conform(frame)
            for column in set(frame.columns) & set(typed.columns):
                assert typed[column].null_count() == frame[column].null_count(), (table, column)
            assert frame["byte_offset"].null_count() == 0
            assert frame["ts"].dtype == schema.TIME
            assert table in UNDATED or frame["ts"].null_count() == 0


@every_format
def test_an_offset_points_at_its_record(name: str) -> None:
    """Behind foreign text of any length, the same rows stand at offsets moved by that length."""
    fmt = load(name)
    for sample in fmt.samples:
        raw = sample.text.encode()
        starts = {0, *(int(i) + 1 for i in np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == 10))}
        plain = whole(fmt, raw)
        moved = fmt.parse(cut(fmt, raw, 1000), final=True, context=CONTEXT)
        for table, frame in plain.frames.items():
            assert set(frame["byte_offset"]) <= starts
            assert (moved.frames[table]["byte_offset"] - 1000).to_list() == frame["byte_offset"].to_list()


@every_format
def test_a_format_recognises_its_own_good_samples(name: str) -> None:
    """Sniffing a good sample picks the format that it belongs to."""
    for sample in load(name).samples:
        if sample.kind == "good":
            found = sniff(sample.text.encode())
            assert found is not None and found.name == name, sample.text


@every_format
@quickly
@given(data=st.data())
def test_any_split_gives_the_same_rows(name: str, data: st.DataObject) -> None:
    """A log parsed in blocks of any size, what is held back given again, lands what the whole log lands."""
    fmt = load(name)
    pieces = data.draw(st.lists(st.sampled_from([s.text for s in fmt.samples]), min_size=1, max_size=5))
    raw = "".join(pieces).encode()
    sizes = data.draw(st.lists(st.integers(1, 400), max_size=6))
    assert landed(in_chunks(fmt, raw, sizes)) == landed([whole(fmt, raw)])


@every_format
@quickly
@given(data=st.data())
def test_no_bytes_raise(name: str, data: st.DataObject) -> None:
    """Damage in the middle of samples, or nothing but noise, ends as rows and rejects whose text is what was read."""
    fmt = load(name)
    raw = data.draw(st.sampled_from([s.text for s in fmt.samples])).encode()
    noise = data.draw(
        st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace")))
    )
    at = data.draw(st.integers(0, len(raw)))
    block = data.draw(st.sampled_from([raw[:at] + noise + raw[at:], noise, raw[:at] + noise, raw[at:], b"\n" + noise]))
    ends = fmt.ends(block)
    assert (np.diff(ends) > 0).all() and (not len(ends) or (ends[0] > 0 and ends[-1] <= len(block)))
    parsed = fmt.parse(cut(fmt, block), final=True, context=CONTEXT)
    assert parsed.held_from is None
    for table, frame in parsed.frames.items():
        assert table in UNDATED or schema.TABLES[table].conform(frame)["ts"].null_count() == 0
    fmt.sniff(pl.Series(block.decode("utf-8", "replace").split("\n"), dtype=pl.String))


@every_format
def test_a_log_is_resumed_from_anywhere_where_a_record_begins(name: str) -> None:
    fmt = load(name)
    block = 2 * "".join(s.text.rstrip("\n") + "\n" for s in fmt.samples if s.kind != "reject").encode()
    begins = {0, len(block), *fmt.ends(block).tolist()}
    found = [(at, fmt.resumes(block[at:])) for at in range(0, len(block), 7)]
    assert {at + place for at, place in found if place is not None} <= begins
    assert found[0][1] is not None


@every_format
def test_an_empty_block_gives_nothing(name: str) -> None:
    """No bytes, no records, no rows, no rejects, nothing held."""
    fmt = load(name)
    assert len(fmt.ends(b"")) == 0
    for final in (True, False):
        parsed = fmt.parse(RECORDS.to_frame(), final=final, context=CONTEXT)
        assert landed([parsed]) == {} and parsed.held_from is None


@every_format
def test_blank_lines_and_line_ends_do_not_matter(name: str) -> None:
    """Windows line ends give the same rows as plain ones, at their own offsets."""
    fmt = load(name)
    for sample in fmt.samples:
        plain, dos = whole(fmt, sample.text), whole(fmt, sample.text.replace("\n", "\r\n"))
        heights = [{t: f.height for t, f in parsed.frames.items() if f.height} for parsed in (plain, dos)]
        assert heights[0] == heights[1]
        assert plain.rejects.height == dos.rejects.height


@every_format
def test_what_fits_is_nowhere_said_to_cease_to_fit(name: str) -> None:
    """The steps that show where a rejected record stops agree with what the format reads: lines it lands fit them all."""  # noqa: E501
    fmt = load(name)
    for sample in fmt.samples:
        parsed = whole(fmt, sample.text)
        if not fmt.steps or parsed.rejects.height:
            continue
        records = cut(fmt, sample.text.encode())
        offsets = {offset for frame in parsed.frames.values() for offset in frame["byte_offset"]}
        stops = {r: fmt.stops_at(r) for o, r in records.select("byte_offset", "record").iter_rows() if o in offsets}
        assert sample.kind != "good" or set(stops.values()) <= {None}, stops
