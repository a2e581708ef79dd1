"""Landing: files become rows of the lake, each byte once. Rows and offset are one transaction, so a process may die
anywhere; what was not committed is read again, what was committed is never read again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path

from storage import sources
from storage.ahead import ReadAhead, Writing
from storage.clock import Clock, rfc3339, utc_now
from storage.errors import InputError, UnavailableError
from storage.following import Follower
from storage.format import LogFormat
from storage.inputs import expand
from storage.joining import join
from storage.lake import Lake, Origin, Prepared
from storage.manner import Manner
from storage.opening import (
    Reading,
    Terms,
    find_rest,
    is_landed_archive,
    open_source,
    read_on,
    recognise,
    replaced_sources,
)
from storage.parsing import Frames, merge
from storage.sources import Source, identity
from storage.streams import open_stream
from storage.tail import BLOCK_BYTES, Batch, RewrittenError, damage_row
from storage.tally import LandingSummary, OnNotice, OnProgress, Progress, SourceLag, Tally

__all__ = ["Landing", "LandingSummary", "Progress", "SourceLag"]

_TRIES = 3


class Landing:
    """Lands files into one lake. Not shared between threads, except for `lags`."""

    def __init__(
        self,
        lake: Lake,
        *,
        format_name: str | None = None,
        clock: Clock = utc_now,
        on_notice: OnNotice | None = None,
        manner: Manner | None = None,
    ) -> None:
        self.lake = lake
        self.clock = clock
        self.manner = manner or Manner()
        self.terms = Terms(format_name, self.manner.time_zone, self.manner.keys)
        self.on_notice = on_notice
        self._follower: Follower | None = None

    def ingest(
        self, paths: Sequence[str | Path], *, skip: Callable[[Path], bool] | None = None,
        on_progress: OnProgress | None = None,
    ) -> LandingSummary:  # fmt: skip
        """Land each file once to its end; what landed before is passed over, so an interrupted call can be repeated.

        Files for which `skip` is true are no logs, and somebody else's.
        Raises InputError before anything lands if a file that was named itself cannot be read or recognised; such a
        file among others of a folder or glob is passed over with a notice. Raises UnavailableError when the home
        cannot be written.
        """
        tally = Tally(self.on_notice)
        files = [path for path in expand(paths) if skip is None or not skip(path)]
        for path in self._readable(files, {Path(p).absolute() for p in paths}, tally):
            with unavailable(self.lake):
                self._ingest_file(path, tally, on_progress)
        return tally.summary()

    def follow(self, patterns: Sequence[str | Path], *, stop: threading.Event,
               on_commit: Callable[[int], None] | None = None) -> LandingSummary:  # fmt: skip
        """Land files as they grow, and new ones that appear, until `stop` is set; then what is there is drained.

        Commits about once a second and calls `on_commit` with each commit's number. A file that is not there yet is
        waited for. A full disk pauses the landing with a notice; it goes on when there is room, and nothing is lost.
        Raises InputError at the start for a file that was named itself and cannot be read or recognised.
        """
        self._follower = Follower(self, patterns, stop=stop, on_commit=on_commit)
        return self._follower.run()

    def lags(self) -> list[SourceLag]:
        """How far each followed source is behind; empty if nothing is followed."""
        return self._follower.lags() if self._follower is not None else []

    def _readable(self, paths: Sequence[Path], named: Collection[Path], tally: Tally) -> list[Path]:
        """Those of `paths` that can be landed, all looked at before the first one is."""
        files = []
        for path in paths:
            try:
                if not is_landed_archive(self.lake.ledger, path):
                    with closing(open_stream(path)) as stream:
                        recognise(stream, self.terms.format_name, self.terms.keys)
                files.append(path)
            except InputError as error:
                if path in named:
                    raise
                tally.notice(error.passing_over)
        return files

    def _ingest_file(self, path: Path, tally: Tally, on_progress: OnProgress | None) -> None:
        if is_landed_archive(self.lake.ledger, path):
            return
        for _ in range(_TRIES):
            reading = open_source(self.lake.ledger, path, self.terms, self.clock())
            if reading is None:
                return
            tally.files.add(reading.source.id)
            try:
                with closing(reading):
                    self.replaced(reading, tally)
                    self.land_to_end(reading, tally, on_progress)
                return
            except RewrittenError:
                self.rewritten(reading, tally)
        raise UnavailableError(f"{path}: is rewritten again and again while it is read; try again when it rests")

    def land_to_end(self, reading: Reading, tally: Tally, on_progress: OnProgress | None = None) -> None:
        """Land an open source up to its present end, in large blocks, several under way at once."""

        def land(batch: Batch, prepared: Prepared) -> None:
            self.commit([(reading, batch)], prepared, tally)
            if on_progress is not None:
                on_progress(_progress(reading, batch, tally))

        writing = Writing(lambda batch: self.prepare([(reading, batch)]), self.lake.discard)
        while True:
            for batch, prepared in ReadAhead(reading.tail, writing, self.clock):
                land(batch, prepared)
            if (last := self._step(reading)) is None:
                break
            land(last, writing.prepare(last))
        self._finish(reading, tally)

    def _step(self, reading: Reading) -> Batch | None:
        """The next batch where blocks cannot be read ahead; the last one of all may be provisional."""
        batch = reading.tail.step(self.clock(), block_bytes=BLOCK_BYTES)
        if batch is not None or reading.stream.damage() is not None:
            return batch  # what is left of a damaged archive is half a record: `_finish` keeps its bytes
        last = reading.tail.step(self.clock(), final=True)
        if last is not None and (last.after.offset > reading.source.landed_to or not last.provisional):
            return last
        return None

    def prepare(self, batches: Sequence[tuple[Reading, Batch]]) -> Prepared:
        """Mask what must not be written, then write and sync the segments of `batches`, one a table and day."""
        frames = self.manner.masking.apply(merge([batch.frames for _, batch in batches]))
        return self.lake.prepare(frames, [_origin(reading, batch) for reading, batch in batches])

    def commit(self, batches: Sequence[tuple[Reading, Batch]], prepared: Prepared, tally: Tally) -> int:
        """Make the rows of `batches` and their sources' offsets true at once; returns the commit's number."""
        now = rfc3339(self.clock())

        def offsets(connection: sqlite3.Connection, commit_id: int) -> None:
            for reading, batch in batches:
                sources.record_batch(connection, reading.source, batch, commit_id, now)
                sources.record_seen(connection, reading.source, reading.stream, now)

        commit_id = self.lake.commit(prepared, kind="land", also=offsets)
        tally.add(batches)
        for reading, batch in batches:
            reading.landed(batch, commit_id)
        return commit_id

    def _finish(self, reading: Reading, tally: Tally) -> None:
        """An archive that was read to its end is done, or damaged: then a reject says where and why."""
        if not reading.stream.is_archive:
            return
        now, source, damage = self.clock(), reading.source, reading.stream.damage()
        frames: Frames = {}
        if damage is not None:
            found, reason = damage_row(reading.tail, now)
            frames = self.manner.masking.apply(found)
            tally.notice(f"{source.place}: {reason}")
            tally.rows["rejects"] = tally.rows.get("rejects", 0) + 1

        def done(connection: sqlite3.Connection, _: int) -> None:
            sources.record_seen(connection, source, reading.stream, rfc3339(now))
            sources.record_state(connection, source, "damaged" if damage else "done", None, rfc3339(now))

        self.lake.append(frames, kind="land", also=done)

    def replaced(self, reading: Reading, tally: Tally) -> None:
        """Land the rest of what lay at this place before, wherever it is now; what cannot be found is a gap."""
        for former in replaced_sources(self.lake.ledger, reading):
            self.land_rest(former, reading.tail.log_format, tally, successor=reading)

    def land_rest(
        self, former: Source, log_format: LogFormat, tally: Tally, *, successor: Reading | None = None
    ) -> None:
        """Land what remains of a source that is not at its place any more, or count it as lost; then it is over.

        A last record that goes on in its `successor` there, not read yet, is joined.
        """
        stream = find_rest(former, self.lake.ledger)
        now = rfc3339(self.clock())
        if stream is not None:
            with closing(Reading(former, read_on(former, stream, log_format, self.terms))) as rest:
                self.land_to_end(rest, tally)
                if successor is not None:
                    self.join(rest, successor, tally, rests=True)
                with self.lake.ledger.write() as connection:
                    sources.settle(connection, rest.source, stream, now)
                    sources.record_state(connection, rest.source, "rotated", None, now)
            return
        lost = former.byte_size - former.landed_to
        with self.lake.ledger.write() as connection:
            reason = "gone before it was read to its end"
            sources.record_gap(connection, former, lost if lost > 0 else None, reason, now)
            sources.settle(connection, former, None, now)
            sources.record_state(connection, former, "gone", None, now)
        tally.gaps += 1
        known = f"at least {lost} bytes" if lost > 0 else "perhaps nothing"
        tally.notice(f"{former.place}: {reason}; lost: {known}")

    def join(self, former: Reading, successor: Reading, tally: Tally, *, rests: bool) -> int | None:
        """Land a record that a rotation cut in two (storage/joining.py); the commit's number, None if there is none."""
        halves = join(former, successor, self.clock(), rests=rests) if not successor.source.landed_to else None
        if halves is None:
            return None
        commit_id = self.commit(halves, self.prepare(halves), tally)
        for reading, batch in halves:
            reading.tail.place = batch.after
        return commit_id

    def rewritten(self, reading: Reading, tally: Tally) -> None:
        """The file at this place is not what was landed: its former life is over, and its rest is looked for."""
        reading.rewind(self.lake.ledger)
        self.land_rest(reading.source, reading.tail.log_format, tally)


class unavailable:  # noqa: N801 reads as a statement
    """`with unavailable(lake):` a full or failing disk becomes one clear UnavailableError."""

    def __init__(self, lake: Lake) -> None:
        self._home = lake.home.path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            raise UnavailableError(
                f"the home {self._home} cannot be written ({reason}); nothing is lost: make room and run this again"
            ) from error


def _progress(reading: Reading, batch: Batch, tally: Tally) -> Progress:
    """How far a file has come; of an archive what was read of its packed bytes counts."""
    done = getattr(reading.stream, "position", lambda: batch.after.offset)()
    return Progress(reading.source.place, done, reading.stream.status().st_size, sum(tally.rows.values()))


def _origin(reading: Reading, batch: Batch) -> Origin:
    """The bytes of a batch, with what is needed to find its source again without the ledger."""
    about = identity(reading.source, batch.after) | {"provisional": batch.provisional}
    return Origin(reading.source.id, batch.start, batch.after.offset, about)
