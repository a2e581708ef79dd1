"""Files that grow, rotate, shrink and vanish, followed until told to stop.

A sweep looks at every file: at least once a second, at once when the folder stirs. What has grown is parsed, and one
commit lands what the sweep found. Nothing depends on an event having been seen.
"""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage import sources
from storage.clock import monotonic_s, rfc3339
from storage.doctor import at_start
from storage.errors import ConflictError, InputError, UnavailableError
from storage.finding import Finder, Key
from storage.format import load
from storage.inputs import expand
from storage.manner import Rhythm
from storage.opening import Reading, is_landed_archive, open_source, recognise, replaced_sources
from storage.streams import open_stream
from storage.tail import BLOCK_BYTES, Batch, RewrittenError
from storage.tally import LandingSummary, SourceLag, Tally
from storage.upkeep import keep_up_until
from storage.watching import Watch

if TYPE_CHECKING:
    from storage.landing import Landing


COMMIT_BYTES = 16 << 20


@dataclass(slots=True)
class _Followed:
    """An open source and what the sweeps have seen of it."""

    reading: Reading
    size: int = -1
    mtime_ns: int = -1
    grown_s: float = 0.0
    behind_since_s: float | None = None
    rows: int = 0
    here: bool = True

    @property
    def bytes_behind(self) -> int:
        """Bytes of the file that have not landed."""
        return max(self.size - self.reading.source.landed_to, 0)


class Follower:
    """One run of `Landing.follow`."""

    def __init__(self, landing: Landing, patterns: Sequence[str | Path], *, stop: threading.Event,
                 on_commit: Callable[[int], None] | None = None) -> None:  # fmt: skip
        self.landing = landing
        self.patterns = [Path(p).absolute() for p in patterns]
        self.stop = stop
        self.on_commit = on_commit
        self.tally = Tally(landing.on_notice)
        self.watch = Watch()
        self.finder = Finder(self.patterns)
        self._open: dict[Key, _Followed] = {}
        self._passed: dict[Key, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._paused = False
        self._failures = 0
        self._stirred = False
        self.rhythm: Rhythm = landing.manner.rhythm

    def run(self) -> LandingSummary:
        """Sweep until stopped, then drain."""
        ended = threading.Event()
        upkeep = threading.Thread(
            target=keep_up_until, args=(ended, self.landing.lake, self.landing.manner.keep_days), name="upkeep"
        )
        try:
            self._check_named()
            upkeep.start()
            _allow_many_files()
            for said in at_start(self.landing.lake, self.landing.manner.masking):
                self.tally.notice(said)
            self._land_vanished()
            while not self.stop.is_set():
                began = monotonic_s()
                landed = self.sweep(final=False)
                self._rest(began, landed=landed)
            self._drain()
        finally:
            self.close()
            ended.set()
            if upkeep.is_alive():
                upkeep.join()
        return self.tally.summary()

    def close(self) -> None:
        """Let go of all files."""
        self.watch.close()
        for key in list(self._open):
            self._close(key)

    def lags(self) -> list[SourceLag]:
        """How far each source is behind, by path."""
        now = monotonic_s()
        with self._lock:
            items = list(self._open.values())
        state = {True: "live", False: "leaving"}
        return sorted(
            (
                SourceLag(
                    i.reading.source.place, i.bytes_behind, now - i.behind_since_s if i.behind_since_s else 0.0, i.rows,
                    i.grown_s, "paused" if self._paused else state[i.here],  # type: ignore[arg-type]
                )
                for i in items
            ),
            key=lambda lag: lag.path,
        )  # fmt: skip

    def _check_named(self) -> None:
        """A file that was named itself and cannot be landed is an error at once, not a notice nobody reads."""
        for path in self.patterns:
            if path.is_file():
                with closing(open_stream(path)) as stream:
                    recognise(stream, self.landing.terms.format_name)
            elif path.exists() and not path.is_dir():
                expand([path])

    def _land_vanished(self) -> None:
        """Look for what was followed once and is not at its place any more: moved while nobody looked, or gone."""
        with self.landing.lake.ledger.read() as connection:
            live = [source for source in sources.all_sources(connection) if source.state == "live"]
        for source in live:
            if source.format is not None and not source.place.exists():
                self.landing.land_rest(source, load(source.format), self.tally)

    def _rest(self, began: float, *, landed: bool) -> None:
        """Wait for the next sweep: for an event if there was nothing to do, for the commit's turn if there was."""
        if self._paused:
            self.stop.wait(self._backoff_s())
            return
        spent = monotonic_s() - began
        if landed:
            if max((i.bytes_behind for i in self._open.values()), default=0) < BLOCK_BYTES:
                self.stop.wait(max(self.rhythm.commit_s - spent, 0.0))
            return
        deadline = monotonic_s() + self.rhythm.sweep_s
        while not self.stop.is_set() and (left := deadline - monotonic_s()) > 0:
            if self.watch.wait(min(left, 0.2)):
                return

    def sweep(self, *, final: bool = False) -> bool:
        """A sweep that survives what may pass: a full disk, another writer, a busy ledger."""
        try:
            landed = self._look_at_all(final=final)
        except ConflictError as error:
            self.tally.notice(str(error))
            self._rewind()
            return False
        except (OSError, UnavailableError) as error:
            self._rewind()
            self._paused = True
            self._failures += 1
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            if self._failures == 1 or final:
                self.tally.notice(f"landing is paused, nothing is lost: {reason.lower()}", again=True)
            if final:
                raise UnavailableError(
                    f"the rest could not be landed ({reason.lower()}); start again to land it"
                ) from error
            return False
        if self._paused:
            self._paused, self._failures = False, 0
            self.tally.notice("landing goes on", again=True)
        return landed

    def _backoff_s(self) -> float:
        steps = self.rhythm.backoff_s
        return steps[min(self._failures, len(steps)) - 1]

    def _drain(self) -> None:
        """Land what was there when the stop came, however fast the files still grow."""
        self.sweep(final=False)
        ends = {key: item.size for key, item in self._open.items()}
        while any(i.reading.source.landed_to < ends.get(key, 0) for key, i in self._open.items()):
            if not self.sweep(final=False):
                break
        self.sweep(final=True)

    def _rewind(self) -> None:
        for item in list(self._open.values()):
            try:
                item.reading.rewind(self.landing.lake.ledger)
            except UnavailableError:
                item.reading.tail.place = item.reading.source.read_to

    def _look_at_all(self, *, final: bool) -> bool:
        """Look at every file once and land what has come, in commits of bounded size; says whether anything landed."""
        self._discover()
        landed = self._stirred = False
        waiting: list[tuple[Reading, Batch]] = []
        for key, item in list(self._open.items()):
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
        if self.on_commit is not None:
            self.on_commit(commit_id)

    def _discover(self) -> None:
        """Open what is new under the patterns, and know what has left."""
        if self.finder.look():
            self.watch.cover(self.finder.folders())
            for key, item in self._open.items():
                item.here = key in self.finder.files
        for key, path in self.finder.files.items():
            if key in self._open:
                self._open[key].reading.stream.path = path
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            if self._passed.get(key) != (status.st_size, status.st_mtime_ns):
                self._admit(path, key, status)

    def _admit(self, path: Path, key: Key, status: os.stat_result) -> None:
        """Open a file that is not followed yet; one that cannot be landed is passed over until it changes."""
        landing = self.landing
        seen = (status.st_size, status.st_mtime_ns)
        try:
            reading = None
            if not is_landed_archive(landing.lake.ledger, path):
                busy = {item.reading.source.id for item in self._open.values()}
                reading = open_source(landing.lake.ledger, path, landing.terms, landing.clock(), busy=busy)
        except InputError as error:
            self.tally.notice(f"passed over: {error}")
        except FileNotFoundError:
            return
        if reading is None:
            self._passed[key] = seen
            return
        self.tally.files.add(reading.source.id)
        with self._lock:
            self._open[key] = _Followed(reading, grown_s=monotonic_s())
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
        followed = {item.reading.source.id for item in self._open.values()}
        for former in replaced_sources(self.landing.lake.ledger, reading.source):
            if former.id not in followed:
                self.landing.land_rest(former, reading.tail.log_format, self.tally)

    def _step(self, key: Key, item: _Followed, *, final: bool) -> Batch | None:
        """What one source has to land now; a change of size or time alone has its marker looked at."""
        reading, now_s = item.reading, monotonic_s()
        status = reading.stream.status()
        if status.st_size < reading.source.landed_to:
            self._start_over(key, item)
            return None
        if (status.st_size, status.st_mtime_ns) != (item.size, item.mtime_ns):
            item.size, item.mtime_ns, item.grown_s = status.st_size, status.st_mtime_ns, now_s
        elif not item.bytes_behind:
            return None
        try:
            return self._read(item, now_s, final=final)
        except RewrittenError:
            self._start_over(key, item)
        except OSError as error:
            self.tally.notice(f"{reading.source.place}: cannot be read now ({(error.strerror or str(error)).lower()})")
        return None

    def _read(self, item: _Followed, now_s: float, *, final: bool) -> Batch | None:
        tail, clock = item.reading.tail, self.landing.clock
        if item.bytes_behind and item.behind_since_s is None:
            item.behind_since_s = now_s
        if item.reading.source.provisional_offset == item.size:
            return None
        batch = tail.step(clock())
        if batch is None and item.bytes_behind and (final or now_s - item.grown_s >= self.rhythm.idle_s):
            batch = tail.step(clock(), final=True)
        if batch is not None and batch.after.offset >= item.size:
            item.behind_since_s = None
        return batch

    def _start_over(self, key: Key, item: _Followed) -> None:
        """The file was truncated or overwritten: its former life is over, and it is read anew from its start."""
        self.landing.rewritten(item.reading, self.tally)
        self._close(key)
        self._passed.clear()
        self._stirred = True

    def _let_go(self) -> None:
        """Close files that left their place and have been silent for long enough."""
        now_s = monotonic_s()
        for key, item in list(self._open.items()):
            if item.here or now_s - item.grown_s < self.rhythm.rotate_wait_s or item.bytes_behind:
                continue
            self._retire(item)
            self._close(key)

    def _retire(self, item: _Followed) -> None:
        moment = rfc3339(self.landing.clock())
        with self.landing.lake.ledger.write() as connection:
            sources.settle(connection, item.reading.source, item.reading.stream, moment)
            sources.record_state(connection, item.reading.source, "rotated", None, moment)

    def _close(self, key: Key) -> None:
        with self._lock:
            item = self._open.pop(key)
        item.reading.close()


def _allow_many_files() -> None:
    """Every followed file stays open, so that it can be drained after it was renamed: take what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
