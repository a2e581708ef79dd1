"""From a path to a source: which file is it, what format has it, how far has it landed, and what became of the file
that was there before.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from storage import sources
from storage.archive import SUFFIXES, is_archive_to_be
from storage.clock import rfc3339
from storage.errors import InputError
from storage.format import Keys, LogFormat, load, sniff
from storage.identity import family
from storage.ledger import Ledger
from storage.records import bom_bytes, encoding_of, to_text
from storage.sources import Source
from storage.streams import Stream, open_stream
from storage.tail import Batch, Tail

SNIFF_BYTES = 64 << 10
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_HOLE = re.compile(rb"\x00{64,}")
_BINARY_SHARE = 0.05
_BINARY_LINES = 0.2
"""Of a packed file's lines 19 in 20 hold a control character, of a honeypot's access log (2004) 1 in 18."""


@dataclass(slots=True)
class Reading:
    """A source that is open: its row in the ledger as last seen, and the tail that reads on from there."""

    source: Source
    tail: Tail

    @property
    def stream(self) -> Stream:
        """The open file."""
        return self.tail.stream

    def landed(self, batch: Batch, commit_id: int) -> None:
        """Follow the ledger after a batch of this source was committed."""
        if batch.provisional:
            self.source = replace(
                self.source, provisional_offset=batch.after.offset, provisional_commit=commit_id
            )  # fmt: skip
        else:
            self.source = replace(self.source, read_to=batch.after, provisional_offset=None, provisional_commit=None)

    def rewind(self, ledger: Ledger) -> None:
        """Go back to what the ledger says, after a commit that failed or that somebody else made first."""
        with ledger.read() as connection:
            self.source = sources.get_source(connection, self.source.id)
        self.tail.place = self.source.read_to

    def close(self) -> None:
        """Give the file back."""
        self.stream.close()


def recognise(stream: Stream, format_name: str | None, keys: Keys = ()) -> LogFormat | None:
    """The format of a stream: the one named, else by its first lines; None for one that holds nothing yet.

    Raises InputError for a binary file and for text that no format fits, UsageError for an unknown name.
    """
    named = load(format_name) if format_name not in (None, "auto") else None
    first = stream.skip_nuls(0)
    head = stream.read(first, SNIFF_BYTES) if first is not None else b""
    encoding = encoding_of(head)
    if is_archive_to_be(head):
        return None
    if encoding == "utf-8" and _is_binary(head):
        raise InputError(
            f"{stream.path}: is a binary file; name a text log, or an archive (.gz, .bz2, .xz, .zst) of one"
        )
    if not head:
        return None  # a copy or an archive whose content is still to come must not become a source of its own
    if named is not None or not head.strip():
        return named
    text = to_text(head[bom_bytes(head) :], 0, encoding).data
    whole = text[: text.rfind(b"\n") + 1] or text
    found = sniff(whole, keys)
    if found is None and not (len(head) < SNIFF_BYTES and b"\n" not in text):
        raise unknown_format(stream.path)
    return found


def unknown_format(path: Path) -> InputError:
    """The error for a file that no format fits."""
    return InputError(
        f"{path}: no known format fits its first lines; name one with --format, or try `watchroom formats test {path}`"
    )


def _is_binary(head: bytes) -> bool:
    """Whether the first bytes are no text: many control characters, in many lines, whatever the encoding is.

    Long runs of NULs do not count: a log that was cut short under its writer has holes. Nor do few lines full of
    control characters: a worm's request is logged as it came.
    """
    text = _HOLE.sub(b"", head)
    if len(_CONTROL.findall(text)) <= _BINARY_SHARE * len(text):
        return False
    lines = text.splitlines()
    return sum(_CONTROL.search(line) is not None for line in lines) > 1 + _BINARY_LINES * len(lines)


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are to be read: the format named, if any, the zone of times that name none, names of JSON keys."""

    format_name: str | None = None
    time_zone: str = "UTC"
    keys: Keys = ()


def open_source(
    ledger: Ledger, path: Path, terms: Terms, now: datetime, *, busy: Collection[int] = ()
) -> Reading | None:
    """The source at `path`, known or new, ready to be read on; None for a file that holds nothing yet,
    or nothing but a copy of a source that still lives, or for one of the sources `busy`, which are open already.

    Raises InputError for a file that cannot be landed.
    """
    stream = open_stream(path)
    try:
        try:
            with ledger.read() as connection:
                known = sources.find_source(connection, stream, path, busy)
            if known is not None and known.id in busy:
                raise sources.CopyError
        except sources.CopyError:
            stream.close()
            return None
        named = terms.format_name if terms.format_name not in (None, "auto") else known.format if known else None
        log_format = recognise(stream, named, terms.keys)
        if log_format is None:
            stream.close()
            return None
        with ledger.write() as connection:
            moment = rfc3339(now)
            source = known or sources.add_source(connection, path, stream, log_format.name, moment)
            sources.record_seen(connection, source, stream, moment)
            sources.record_state(connection, source, "live", log_format.name, moment)
            source = sources.get_source(connection, source.id)
    except BaseException:
        stream.close()
        raise
    return Reading(source, read_on(source, stream, log_format, terms))


def read_on(source: Source, stream: Stream, log_format: LogFormat, terms: Terms) -> Tail:
    """A tail of a known source, from where it has landed to."""
    return Tail(
        stream, log_format, source=str(source.path), place=source.read_to, time_zone=terms.time_zone, keys=terms.keys
    )


def is_landed_archive(ledger: Ledger, path: Path) -> bool:
    """Whether `path` is an archive that was read to its end and has not changed since: it is not unpacked again."""
    status = path.stat()
    with ledger.read() as connection:
        row = connection.execute(
            "SELECT 1 FROM source WHERE device = ? AND inode = ? AND file_size = ? AND file_mtime_ns = ?"
            " AND state IN ('done', 'damaged')",
            (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns),
        ).fetchone()
    return row is not None


def replaced_sources(ledger: Ledger, current: Reading) -> list[Source]:
    """Live sources last seen at the place where `current` is now: what lay there before and was moved or rewritten.

    An older row of the very same file (a ledger that was mended) is none of them.
    """
    with ledger.read() as connection:
        rows = connection.execute(
            "SELECT * FROM source WHERE place = ? AND id <> ? AND state = 'live' ORDER BY id",
            (str(current.source.place), current.source.id),
        ).fetchall()
    return [former for row in rows if not (former := sources.read_source(row)).holds(current.stream)]


def find_rest(source: Source, ledger: Ledger | None = None) -> Stream | None:
    """The file that now holds what `source` was: renamed, copied aside or compressed, beside its old place; or None.

    With a `ledger`, a file that is a source of its own there is not taken.
    """
    try:
        siblings = sorted(p for p in source.place.parent.iterdir() if p != source.place and p.is_file())
    except OSError:
        return None
    same_inode = [p for p in siblings if source.is_file(p.stat())]
    related = [p for p in siblings if family(p.name) == family(source.place.name) and p not in same_inode]
    for path in [*same_inode, *sorted(related, key=lambda p: p.name.endswith(SUFFIXES))]:
        try:
            stream = open_stream(path)
        except InputError:
            continue
        if source.holds(stream) and not (ledger is not None and _is_claimed(ledger, stream, source)):
            return stream
        stream.close()
    return None


def _is_claimed(ledger: Ledger, stream: Stream, source: Source) -> bool:
    with ledger.read() as connection:
        return sources.is_claimed(connection, stream, source)
