"""The contract of a log format: bytes in, typed columns out, without a Python loop over lines.

    bytes --cut--> records (a frame: where each starts, its text) --parse--> one frame a table, and the rejects

A format is one file in `storage/formats/` with exactly one subclass of `LogFormat`. It is found by name, and
`tests/storage/test_every_format.py` holds each to this page. Offsets are counted in the source's uncompressed bytes.
"""

from __future__ import annotations

import functools
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from storage.discovery import member_class, member_names
from storage.errors import UsageError

Offsets = npt.NDArray[np.int64]

RECORDS = pl.Schema({"byte_offset": pl.Int64, "record": pl.String, "damaged": pl.Boolean})
"""What `parse` is given: `record` without its line end, `damaged` where bytes were replaced or cut out."""

REJECTED = pl.Schema({"byte_offset": pl.Int64, "reason": pl.String, "record": pl.String})


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with what must become of it: `good` and `edge` land `rows`, `reject` lands nothing but rejects.

    `rows` maps a table to the rows expected, each a dict of the columns worth asserting (times as RFC 3339 text).
    """

    kind: Literal["good", "edge", "reject"]
    text: str
    rows: Mapping[str, list[dict[str, object]]] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a block of records holds: frames by table name (columns as far as known), rejects, and what must wait.

    `held_from` is the byte offset from which records were not used because a later record may belong to them; those
    bytes are given again with the next block. It is None when all was used, and always None when `final` was set.
    """

    frames: Mapping[str, pl.DataFrame]
    rejects: pl.DataFrame
    held_from: int | None = None


Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What some logs leave out and only their surroundings tell. Everything has a default that is safe and stated."""

    time_zone: str = "UTC"
    """IANA name of the zone of times that name none (nginx's error log, Celery, MySQL's slow log, ...)."""
    keys: Keys = ()
    """Key names that a program gives its JSON lines, each with the column that it means."""
    written_at: datetime | None = None
    """When the log was last written, UTC: dates the records of formats that log a time of day alone (RQ)."""


NO_CONTEXT = Context()
FITS = 0.3
"""The share of a log's first lines that a format must fit to be taken for it."""


class LogFormat(ABC):
    """One log format. Instances hold no state between blocks, so any split of a file gives the same rows."""

    name: ClassVar[str]
    """What `--format` takes, lower case."""
    title: ClassVar[str]
    """One line for people."""
    tables: ClassVar[tuple[str, ...]]
    """Tables of the lake that it fills."""
    specificity: ClassVar[int] = 50
    """Of two formats that fit equally, the one with the higher value is taken."""
    samples: ClassVar[tuple[Sample, ...]]
    """At least one of each kind; they are the format's tests and its documentation."""
    steps: ClassVar[tuple[str, ...]] = ()
    """Patterns of a record's parts, in order: `formats test` shows where a rejected record ceases to fit them."""

    @abstractmethod
    def sniff(self, head: pl.Series) -> float:
        """The share (0..1) of these first lines (String, at most 200) that are surely of this format."""

    def sniff_mapped(self, head: pl.Series, keys: Keys) -> float:  # noqa: ARG002 only JSON lines have keys
        """`sniff`, where the user says which of his `keys` mean which columns."""
        return self.sniff(head)

    def ends(self, block: bytes) -> Offsets:
        """Where records end in `block`: offsets just past each record's line end, ascending. Default: every newline.

        Bytes after the last offset are an unfinished record. A format with records of several lines returns only
        the ends that it is sure of: the end before a line that starts a record.
        """
        return newline_ends(block)

    def resumes(self, block: bytes) -> int | None:
        """Where in `block`, which begins anywhere in a log, a record surely begins; None where none does.

        For whoever looks at the end of a log alone. Default: at the first end, which must not depend on what is before.
        """
        ends = self.ends(block)
        return int(ends[0]) if len(ends) else None

    def stops_at(self, record: str) -> int | None:
        """How many characters of a rejected `record` fit this format, where that can be told. For people only."""
        at = 0
        for step in self.steps:
            found = re.compile(step).match(record, at)
            if found is None:
                return at
            at = found.end()
        return None

    @abstractmethod
    def parse(self, records: pl.DataFrame, *, final: bool, context: Context = NO_CONTEXT) -> Parsed:
        """Typed columns of `records` (schema RECORDS). `final`: nothing follows, so nothing may be held back.

        What follows the last end that `ends` was sure of is one record, complete once the source is known to rest.

        Each frame has `byte_offset` and as many of its table's columns as the format knows. Every record is used
        for a row, rejected with a reason, held, or knowingly left out (a banner, a comment, a duplicate).
        """


def newline_ends(block: bytes) -> Offsets:
    """Offsets just past each `\\n` in `block`."""
    return np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10).astype(np.int64) + 1


def rejected(records: pl.DataFrame, reason: str | pl.Expr) -> pl.DataFrame:
    """`records` as rejects, all for one `reason` or by an expression over them."""
    if not records.height:
        return REJECTED.to_frame()
    why = pl.lit(reason) if isinstance(reason, str) else reason
    # Polars 2.1 panics where when/then meets pl.format over a frame of several chunks, some of them empty.
    return records.rechunk().select(pl.col("byte_offset"), why.cast(pl.String).alias("reason"), pl.col("record"))


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all formats, found without importing them."""
    import storage.formats as package

    return member_names(package)


@functools.cache
def load(name: str) -> LogFormat:
    """The format of that name; `docker-json+combined` is the second inside the first.

    Raises UsageError naming the formats there are.
    """
    if "+" in name:
        return _wrapped(name)
    if name not in names():
        raise UsageError(f"no format {name!r}; `watchroom formats list` shows: {', '.join(names())}")
    import storage.formats as package

    found = member_class(package, name, LogFormat)()  # type: ignore[type-abstract]
    if found.name != name:
        raise TypeError(f"{type(found).__module__} must name its format {name!r}, not {found.name!r}")
    return found


def _wrapped(name: str) -> LogFormat:
    from storage.formats._envelope import Envelope, Wrapped

    outer, _, inner = name.partition("+")
    envelope = load(outer)
    if not isinstance(envelope, Envelope):
        raise UsageError(f"{outer!r} in {name!r} carries no other format; compose, cri, docker-json and syslog do")
    return Wrapped(envelope, load(inner))


def fitting(head: bytes, keys: Keys = ()) -> list[tuple[float, str]]:
    """How well each format fits the first lines of a log: (share, name), the best first."""
    lines = _first_lines(head)
    if lines.is_empty():
        return []
    asked = [(load(name).sniff_mapped(lines, keys), load(name).specificity, name) for name in names()]
    return [(share, name) for share, _, name in sorted(asked, reverse=True)]


def sniff(head: bytes, keys: Keys = ()) -> LogFormat | None:
    """The format that fits the first lines of a log best, or None where none fits at least FITS of them.

    Of an envelope (docker, Kubernetes, syslog) the lines within are looked at as well. The answer for the same bytes
    is kept: a file is looked at before anything lands, and again when it is landed.
    """
    key = (hashlib.blake2b(head, digest_size=16).digest(), keys)
    if key not in _sniffed:
        if len(_sniffed) >= _SNIFFED_KEPT:
            _sniffed.clear()
        share, name = _best(head, keys)
        _sniffed[key] = _with_inner(name, head) if share >= FITS else None
    found = _sniffed[key]
    return load(found) if found is not None else None


_sniffed: dict[tuple[bytes, Keys], str | None] = {}
_SNIFFED_KEPT = 10_000


def _best(head: bytes, keys: Keys) -> tuple[float, str]:
    """What `fitting` puts first. Formats are asked by falling specificity, until none that is left could be better."""
    lines, best = _first_lines(head), (0.0, 0, "")
    if lines.is_empty():
        return 0.0, ""
    for specificity, name in sorted(((load(name).specificity, name) for name in names()), reverse=True):
        if best[0] >= 1.0 and specificity < best[1]:
            break
        best = max(best, (load(name).sniff_mapped(lines, keys), specificity, name))
    return best[0], best[2]


def _with_inner(name: str, head: bytes) -> str:
    from storage.formats._envelope import Envelope

    outer = load(name)
    if not isinstance(outer, Envelope):
        return name
    inner = sniff(outer.inner_head(_first_lines(head)))
    return f"{name}+{inner.name}" if inner is not None and not isinstance(inner, Envelope) else name


def _first_lines(head: bytes) -> pl.Series:
    lines = pl.Series("record", head.decode("utf-8", "replace").split("\n")[:200], dtype=pl.String)
    lines = lines.str.strip_chars_end("\r")
    return lines.filter(lines.str.contains(r"\S"))


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that was rejected: where, why, and the `column` (from 1) where it ceases to fit.

    It is 1 where the record lacks something, and so does not fit as a whole.
    """

    line: int
    byte_offset: int
    reason: str
    record: str
    column: int


@dataclass(frozen=True, slots=True)
class Examination:
    """What `formats test` shows of the first part of a log."""

    format: str | None
    """The format examined: the one given, else the one that sniffing picks; None where none fits."""
    shares: Mapping[str, float]
    """How well each format fits the first lines (0..1), the best first; those above zero only."""
    records: int
    rows: Mapping[str, int]
    """Rows by table."""
    rejected: int
    rejects: tuple[RejectedRecord, ...]
    """The first of them."""


def examine(
    head: bytes,
    format: LogFormat | None = None,  # noqa: A002 - the word of the field
    context: Context = NO_CONTEXT,
) -> Examination:
    """Read `head` (the first part of a log, cut anywhere) with `format`, else with the one that fits best."""
    from storage.formats._examine import examination

    return examination(head, format, context)
