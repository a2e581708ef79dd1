"""What a landing tells: progress while it runs, a summary at its end, how far each source is behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from storage.opening import Reading
    from storage.tail import Batch


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one file is: `done_bytes` of `total_bytes` on disk (of an archive, compressed ones)."""

    path: Path
    done_bytes: int
    total_bytes: int
    rows: int


OnProgress = Callable[[Progress], None]
OnNotice = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LandingSummary:
    """What a landing did. `rows` counts by table, `rejects` among them; `gaps` counts losses found on the way."""

    files: int = 0
    bytes: int = 0
    commits: int = 0
    gaps: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceLag:
    """How far a followed source is behind its file.

    `seconds_behind` counts since the oldest byte that has not landed was seen; `last_growth_s` is a monotonic time.
    """

    path: Path
    bytes_behind: int
    seconds_behind: float
    rows: int
    last_growth_s: float
    state: Literal["live", "leaving", "paused"]


class Tally:
    """Counts what lands, for the summary."""

    def __init__(self, on_notice: OnNotice | None = None) -> None:
        self.files: set[int] = set()
        self.bytes = self.commits = self.gaps = 0
        self.rows: dict[str, int] = {}
        self.notices: list[str] = []
        self._on_notice = on_notice

    def add(self, batches: Sequence[tuple[Reading, Batch]]) -> None:
        """Count one commit."""
        self.commits += 1
        for reading, batch in batches:
            self.bytes += max(batch.after.offset - max(batch.start, reading.source.landed_to), 0)
            for name, count in batch.rows.items():
                self.rows[name] = self.rows.get(name, 0) + count

    def notice(self, text: str, *, again: bool = False) -> None:
        """Say something that the user should know: once, or each time it happens."""
        if again or text not in self.notices:
            self.notices.append(text)
            if self._on_notice is not None:
                self._on_notice(text)

    def summary(self) -> LandingSummary:
        """The counts so far."""
        return LandingSummary(
            len(self.files), self.bytes, self.commits, self.gaps, dict(sorted(self.rows.items())), tuple(self.notices)
        )
