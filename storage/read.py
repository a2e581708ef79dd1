"""Logs as typed frames without a home: the same bytes, records and formats as landing, and nothing is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from storage.clock import Clock, utc_now
from storage.errors import InputError
from storage.inputs import expand
from storage.manner import Manner
from storage.opening import recognise
from storage.parsing import Frames
from storage.streams import open_stream
from storage.tail import RewrittenError, Tail, damage_row
from storage.tally import OnNotice, OnProgress, Progress


def read_events(
    paths: Sequence[str | Path],
    format_name: str | None,
    *,
    manner: Manner | None = None,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    clock: Clock = utc_now,
) -> Iterator[Frames]:
    """The rows of `paths` (files, folders, globs) in blocks of bounded size: conformed frames by table name.

    Records that no format reads come as `rejects`; an empty file gives nothing. `format_name` None or `auto` looks at
    the first lines of each file; of `manner` count the zone of times that name none and the names of JSON keys, for
    nothing is written. Raises InputError for what was named and cannot be read or recognised; such a file among others
    of a folder or glob is passed over with a notice.
    """
    how = manner or Manner()
    named = {Path(p).absolute() for p in paths}
    for path in expand(paths):
        try:
            tail = _tail(path, format_name, how)
        except InputError as error:
            if path in named:
                raise
            if on_notice is not None:
                on_notice(error.passing_over)
            continue
        if tail is not None:
            with closing(tail.stream):
                yield from _frames(tail, clock, on_progress)


def _tail(path: Path, format_name: str | None, how: Manner) -> Tail | None:
    """A log from its start; None for a file that holds nothing."""
    stream = open_stream(path)
    try:
        log_format = recognise(stream, format_name, how.keys)
    except BaseException:
        stream.close()
        raise
    if log_format is None:
        stream.close()
        return None
    return Tail(stream, log_format, source=str(path), time_zone=how.time_zone, keys=how.keys)


def _frames(tail: Tail, clock: Clock, on_progress: OnProgress | None) -> Iterator[Frames]:
    rows = 0
    final = False
    while True:
        try:
            batch = tail.step(clock(), final=final)
        except RewrittenError:
            raise InputError(f"{tail.stream.path}: was rewritten while it was read; read it again") from None
        if batch is None:
            if final or tail.stream.damage() is not None:
                break
            final = True
            continue
        rows += sum(batch.rows.values())
        yield batch.frames
        if on_progress is not None:
            done = getattr(tail.stream, "position", lambda end=batch.after.offset: end)()
            on_progress(Progress(tail.stream.path, done, tail.stream.status().st_size, rows))
        if batch.provisional:
            break
    if tail.stream.damage() is not None:
        yield damage_row(tail, clock())[0]
