"""One look at every followed file: new ones are opened, what has grown is parsed, one commit lands what was found.

Nothing is remembered between looks that is not also true on disk, so a look may fail anywhere and be made again.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage import sources
from storage.clock import monotonic_s, rfc3339
from storage.errors import InputError, UnavailableError
from storage.finding import Finder, Key
from storage.followed import Followed
from storage.holding import Losses, files_allowed, resting, too_many_deleted
from storage.identity import are_rotations
from storage.manner import Rhythm
from storage.opening import Reading, is_landed_archive, open_source, replaced_sources
from storage.tail import Batch, RewrittenError
from storage.tally import Tally
from storage.watching import Watch

if TYPE_CHECKING:
    from storage.landing import Landing


COMMIT_BYTES = 16 << 20


class Sweeper:
    """The files that are followed, by device and inode, and what a look does with them."""

    def __init__(self, landing: Landing, patterns: Sequence[Path], tally: Tally,
                 on_commit: Callable[[int], None] | None = None) -> None:  # fmt: skip
        self.landing = landing
        self.tally = tally
        self.watch = Watch(events=not landing.manner.poll)
        self.finder = Finder(patterns, always=landing.manner.poll)
        self.files: dict[Key, Followed] = {}
        """The open ones."""
        self.files_allowed = files_allowed()
        self.rhythm: Rhythm = landing.manner.rhythm
        self._on_commit = on_commit
        self._losses = Losses(landing.lake.ledger, landing.clock, tally, [])
        self._passed: dict[Key, tuple[int, int]] = {}
        """Files that are not open although they are there, with the size and time at which they were passed over."""
        self._lock = threading.Lock()
        self._stirred = False

    def followed(self) -> list[Followed]:
        """The open files, for another thread to look at."""
        with self._lock:
            return list(self.files.values())

    def close(self) -> None:
        """Let go of all files."""
        self.watch.close()
        for key in list(self.files):
            self._close(key)

    def rewind(self) -> None:
        """After a look that failed: every file back to what the ledger says."""
        for item in list(self.files.values()):
            try:
                item.reading.rewind(self.landing.lake.ledger)
            except UnavailableError:
                item.reading.tail.place = item.reading.source.read_to

    def bound_deleted(self) -> None:
        """While nothing can land, keep no more of deleted files than `Rhythm.deleted_bytes`."""
        for key in too_many_deleted(self.files, self.rhythm.deleted_bytes):
            self._losses.add(self.files[key])
            self._close(key)
        self._losses.tell()

    def look(self, *, final: bool) -> bool:
        """Look at every file once and land what has come, in commits of bounded size; says whether anything landed."""
        self._losses.tell()
        self._discover()
        landed = self._stirred = False
        waiting: list[tuple[Reading, Batch]] = []
        for key, item in list(self.files.items()):
            if (former := self._cut_former(item)) is not None:
                if waiting:
                    self._commit(waiting)
                    waiting = []
                landed = self._join(former, item, final=final) or landed
            batch = self._step(key, item, final=final)
            if batch is None:
                continue
            if batch.provisional:
                self._commit([(item.reading, batch)])
                continue
            landed = True
            item.rows += sum(batch.rows.values())
            waiting.append((item.reading, batch))
            if sum(b.after.offset - b.start for _, b in waiting) >= COMMIT_BYTES:
                self._commit(waiting)
                waiting = []
        if waiting:
            self._commit(waiting)
        self._let_go()
        return landed or self._stirred

    def _commit(self, batches: list[tuple[Reading, Batch]]) -> None:
        prepared = self.landing.prepare(batches)
        commit_id = self.landing.commit(batches, prepared, self.tally)
        self._tell(commit_id)

    def _tell(self, commit_id: int | None) -> None:
        if commit_id is not None and self._on_commit is not None:
            self._on_commit(commit_id)

    def _discover(self) -> None:
        """Open what is new under the patterns, and know what has left."""
        if self.finder.look():
            self.watch.cover(self.finder.folders())
            for key, item in self.files.items():
                item.here = key in self.finder.files
        for key, path in self.finder.files.items():
            if key in self.files:
                self._moved(self.files[key].reading, path)
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            if self._passed.get(key) == (status.st_size, status.st_mtime_ns) or self._is_awaited(path):
                continue
            if self._has_room():
                self._admit(path, key, status)

    def _is_awaited(self, path: Path) -> bool:
        """Whether a file may be the copy, packed say, of an open one that left its place and has not landed whole.

        Then that one comes first: only what has landed of it tells a copy from a log that begins alike. What lies at
        the open one's own old place is its successor.
        """
        return any(
            not item.here
            and path != item.reading.source.path
            and are_rotations(path, item.reading.source.path)
            and item.reading.stream.status().st_size > item.reading.source.landed_to
            for item in self.files.values()
        )

    def _moved(self, reading: Reading, path: Path) -> None:
        """Know where an open file is now: what looks like its copy is compared with it there."""
        if reading.stream.path != path:
            reading.stream.path = path
            with self.landing.lake.ledger.write() as connection:
                sources.record_seen(connection, reading.source, reading.stream, rfc3339(self.landing.clock()))

    def _has_room(self) -> bool:
        """Whether one more file may be open, after one at rest was closed for it if need be."""
        if len(self.files) >= self.files_allowed:
            if (key := resting(self.files)) is None:
                return False
            item = self.files[key]
            self._passed[key] = (item.size, item.mtime_ns)
            self._close(key)
        return True

    def _admit(self, path: Path, key: Key, status: os.stat_result) -> None:
        """Open a file that is not followed yet; one that cannot be landed is passed over until it changes."""
        landing = self.landing
        seen = (status.st_size, status.st_mtime_ns)
        try:
            reading = None
            if not is_landed_archive(landing.lake.ledger, path):
                busy = {item.reading.source.id for item in self.files.values()}
                reading = open_source(landing.lake.ledger, path, landing.terms, landing.clock(), busy=busy)
        except InputError as error:
            self.tally.notice(error.passing_over)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.files_allowed = max(len(self.files) - 1, 1)  # somebody else needs descriptors as well
            return
        if reading is None:
            self._passed[key] = seen
            return
        self.tally.files.add(reading.source.id)
        with self._lock:
            self.files[key] = Followed(reading, grown_s=monotonic_s())
        try:
            self._land_former(reading)
            if reading.stream.is_archive:
                landing.land_to_end(reading, self.tally)
        except BaseException:
            self._close(key)
            raise
        self._passed.pop(key, None)
        if reading.stream.is_archive:
            self._close(key)
            self._passed[key] = seen

    def _land_former(self, reading: Reading) -> None:
        """Land what is left of the file that lay at this place before, if it is not being followed itself."""
        followed = {item.reading.source.id for item in self.files.values()}
        for former in replaced_sources(self.landing.lake.ledger, reading):
            if former.id not in followed:
                self.landing.land_rest(former, reading.tail.log_format, self.tally, successor=reading)

    def _cut_former(self, item: Followed) -> Followed | None:
        """The open file that lay at this one's place before, if its last record is unfinished and this one is new."""
        source = item.reading.source
        if source.landed_to or not source.generation:
            return None
        for other in self.files.values():
            former = other.reading.source
            if (former.path, former.generation) == (source.path, source.generation - 1):
                return other if other.reading.stream.status().st_size > other.reading.tail.place.offset else None
        return None

    def _join(self, former: Followed, item: Followed, *, final: bool) -> bool:
        """Land a record that the rotation cut in two; says whether there was one."""
        rests = final or item.rests(monotonic_s(), self.rhythm)
        commit_id = self.landing.join(former.reading, item.reading, self.tally, rests=rests)
        self._tell(commit_id)
        return commit_id is not None

    def _step(self, key: Key, item: Followed, *, final: bool) -> Batch | None:
        """What one source has to land now; one that was rewritten is started over."""
        try:
            return item.step(self.landing.clock, monotonic_s(), self.rhythm, final=final)
        except RewrittenError:
            self._start_over(key, item)
        except OSError as error:
            place = item.reading.source.place
            self.tally.notice(f"{place}: cannot be read now ({(error.strerror or str(error)).lower()})")
        return None

    def _start_over(self, key: Key, item: Followed) -> None:
        """The file was truncated or overwritten: its former life is over, and it is read anew from its start."""
        self.landing.rewritten(item.reading, self.tally)
        self._close(key)
        self._passed.clear()
        self._stirred = True

    def _let_go(self) -> None:
        """Close files that left their place and have been silent for long enough."""
        now_s = monotonic_s()
        for key, item in list(self.files.items()):
            if item.here or now_s - item.grown_s < self.rhythm.rotate_wait_s or item.bytes_behind:
                continue
            self._retire(item)
            self._close(key)

    def _retire(self, item: Followed) -> None:
        moment = rfc3339(self.landing.clock())
        with self.landing.lake.ledger.write() as connection:
            sources.settle(connection, item.reading.source, item.reading.stream, moment)
            sources.record_state(connection, item.reading.source, "rotated", None, moment)

    def _close(self, key: Key) -> None:
        with self._lock:
            item = self.files.pop(key)
        item.reading.close()
