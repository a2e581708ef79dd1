"""Which files are held open: descriptors are few, and a deleted file keeps its space for as long as it is open.

Every followed file stays open where it can, so that it can be drained after it was renamed. Of more files than there
are descriptors the ones at rest are closed; their place and size are looked at like any other's, and they are opened
again when they change. A file that was deleted is drained and closed; only while nothing can land (a full disk) does
it wait, and then no more than `Rhythm.deleted_bytes` of such files are kept: the oldest is let go, its loss counted.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass

from storage import sources
from storage.clock import Clock, rfc3339
from storage.errors import UnavailableError
from storage.finding import Key
from storage.followed import Followed
from storage.ledger import Ledger
from storage.sources import Source
from storage.tally import Tally

_OTHERS = 128
"""Descriptors left to the ledger, segments, queries and the console."""


def files_allowed() -> int:
    """How many files may be followed open, after the soft limit was raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(soft - _OTHERS, soft // 2)


def resting(items: Mapping[Key, Followed]) -> Key | None:
    """The file that has rested longest and can be opened again by its name; None if all are busy or gone."""
    spare = [(i.grown_s, key) for key, i in items.items() if i.here and i.size >= 0 and not i.bytes_behind]
    return min(spare)[1] if spare else None


def too_many_deleted(items: Mapping[Key, Followed], most_bytes: int) -> list[Key]:
    """Deleted files that have not landed whole, oldest first, as many as take what is kept below `most_bytes`."""
    waiting = sorted((i.grown_s, key) for key, i in items.items() if not i.here and i.bytes_behind and i.deleted)
    over = sum(items[key].size for _, key in waiting) - most_bytes
    dropped = []
    for _, key in waiting:
        if over <= 0:
            break
        over -= items[key].size
        dropped.append(key)
    return dropped


@dataclass(slots=True)
class Losses:
    """Files let go unread, whose loss the ledger is still to be told: it may lie on the disk that is full."""

    ledger: Ledger
    clock: Clock
    tally: Tally
    untold: list[tuple[Source, int]]

    def add(self, item: Followed) -> None:
        """Say that a file is let go with what has not landed of it."""
        source = item.reading.source
        self.untold.append((source, item.bytes_behind))
        self.tally.gaps += 1
        self.tally.notice(
            f"{source.place}: deleted while landing was paused, and let go so that the disk gets room;"
            f" lost: {item.bytes_behind} bytes"
        )

    def tell(self) -> None:
        """Record what is not recorded yet, as far as the ledger can be written."""
        while self.untold:
            source, byte_count = self.untold[0]
            now = rfc3339(self.clock())
            try:
                with self.ledger.write() as connection:
                    reason = "deleted while landing was paused, and let go"
                    sources.record_gap(connection, source, byte_count, reason, now)
                    sources.settle(connection, source, None, now)
                    sources.record_state(connection, source, "gone", None, now)
            except UnavailableError:
                return
            self.untold.pop(0)
