"""A followed file between two sweeps: what was seen of it last, and what it has to land now."""

from __future__ import annotations

from dataclasses import dataclass

from storage.clock import Clock
from storage.manner import Rhythm
from storage.opening import Reading
from storage.tail import Batch, RewrittenError


@dataclass(slots=True)
class Followed:
    """An open source and what the sweeps have seen of it. Times are monotonic, in seconds."""

    reading: Reading
    grown_s: float
    size: int = -1
    mtime_ns: int = -1
    behind_since_s: float | None = None
    rows: int = 0
    here: bool = True
    """Whether it is still at a place that is watched; if not, it was renamed or deleted."""

    @property
    def bytes_behind(self) -> int:
        """Bytes of the file that have not landed."""
        return max(self.size - self.reading.source.landed_to, 0)

    @property
    def deleted(self) -> bool:
        """Whether no name leads to the file any more: its space comes back when it is closed."""
        return self.reading.stream.status().st_nlink == 0

    def step(self, clock: Clock, now_s: float, rhythm: Rhythm, *, final: bool) -> Batch | None:
        """What the file has to land now, if it has grown or was changed; an unfinished end once it rests, or `final`.

        Raises RewrittenError where it no longer holds what was landed of it, OSError where it cannot be read.
        """
        status = self.reading.stream.status()
        if status.st_size < self.reading.source.landed_to:
            raise RewrittenError
        if (status.st_size, status.st_mtime_ns) != (self.size, self.mtime_ns):
            self.size, self.mtime_ns, self.grown_s = status.st_size, status.st_mtime_ns, now_s
        elif not self.bytes_behind:
            return None
        if self.bytes_behind and self.behind_since_s is None:
            self.behind_since_s = now_s
        if self.reading.source.provisional_offset == self.size:
            return None
        batch = self.reading.tail.step(clock())
        if batch is None and self.bytes_behind and (final or self.rests(now_s, rhythm)):
            batch = self.reading.tail.step(clock(), final=True)
        if batch is not None and batch.after.offset >= self.size:
            self.behind_since_s = None
        return batch

    def rests(self, now_s: float, rhythm: Rhythm) -> bool:
        """Whether it has not grown for so long that its last record is taken as it is."""
        return now_s - self.grown_s >= rhythm.idle_s
