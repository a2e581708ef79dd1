"""Files that grow, rotate, shrink and vanish, followed until told to stop.

A sweep looks at every file: at least once a second, at once when the folder stirs. What has grown is parsed, and one
commit lands what the sweep found. Nothing depends on an event having been seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from storage import sources
from storage.clock import monotonic_s
from storage.doctor import at_start
from storage.errors import ConflictError, UnavailableError
from storage.format import load
from storage.inputs import expand
from storage.manner import Rhythm
from storage.opening import recognise
from storage.streams import open_stream
from storage.sweeping import Sweeper
from storage.tail import BLOCK_BYTES
from storage.tally import LandingSummary, SourceLag, Tally
from storage.upkeep import keep_up_until

if TYPE_CHECKING:
    from storage.landing import Landing


class Follower:
    """One run of `Landing.follow`."""

    def __init__(self, landing: Landing, patterns: Sequence[str | Path], *, stop: threading.Event,
                 on_commit: Callable[[int], None] | None = None) -> None:  # fmt: skip
        self.landing = landing
        self.patterns = [Path(p).absolute() for p in patterns]
        self.stop = stop
        self.tally = Tally(landing.on_notice)
        self.sweeper = Sweeper(landing, self.patterns, self.tally, on_commit)
        self._paused = False
        self._failures = 0

    @property
    def rhythm(self) -> Rhythm:
        """How often things happen."""
        return self.sweeper.rhythm

    def run(self) -> LandingSummary:
        """Sweep until stopped, then drain."""
        ended = threading.Event()
        upkeep = threading.Thread(
            target=keep_up_until, args=(ended, self.landing.lake, self.landing.manner.keep_days), name="upkeep"
        )
        try:
            self._check_named()
            upkeep.start()
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
        self.sweeper.close()

    def lags(self) -> list[SourceLag]:
        """How far each source is behind, by path."""
        now = monotonic_s()
        here: dict[bool, Literal["live", "leaving"]] = {True: "live", False: "leaving"}
        return sorted(
            (
                SourceLag(
                    i.reading.source.place, i.bytes_behind, now - i.behind_since_s if i.behind_since_s else 0.0, i.rows,
                    i.grown_s, "paused" if self._paused else here[i.here],
                )
                for i in self.sweeper.followed()
            ),
            key=lambda lag: lag.path,
        )  # fmt: skip

    def _check_named(self) -> None:
        """A file that was named itself and cannot be landed is an error at once, not a notice nobody reads."""
        for path in self.patterns:
            if path.is_file():
                with closing(open_stream(path)) as stream:
                    recognise(stream, self.landing.terms.format_name, self.landing.terms.keys)
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
            if max((i.bytes_behind for i in self.sweeper.files.values()), default=0) < BLOCK_BYTES:
                self.stop.wait(max(self.rhythm.commit_s - spent, 0.0))
            return
        deadline = monotonic_s() + self.rhythm.sweep_s
        while not self.stop.is_set() and (left := deadline - monotonic_s()) > 0:
            if self.sweeper.watch.wait(min(left, 0.2)):
                return

    def sweep(self, *, final: bool = False) -> bool:
        """A sweep that survives what may pass: a full disk, another writer, a busy ledger."""
        try:
            landed = self.sweeper.look(final=final)
        except ConflictError as error:
            self.tally.notice(str(error))
            self.sweeper.rewind()
            return False
        except (OSError, UnavailableError) as error:
            self.sweeper.rewind()
            self.sweeper.bound_deleted()
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
        ends = {key: item.size for key, item in self.sweeper.files.items()}
        while any(i.reading.source.landed_to < ends.get(key, 0) for key, i in self.sweeper.files.items()):
            if not self.sweep(final=False):
                break
        self.sweep(final=True)
