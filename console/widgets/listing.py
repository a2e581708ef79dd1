"""The rows of a list, those that its filter lets through, and the one under the cursor. Nothing here draws."""

from __future__ import annotations

from collections.abc import Sequence

from console.widgets.filter import NO_FILTER, Filter
from console.widgets.rows import Row


class Listing:
    """Rows in their order. `shown` are those that the filter lets through, `cursor` is an index into these."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.shown: list[Row] = []
        self.cursor = 0
        self.filter: Filter = NO_FILTER
        self.touched = False
        """Whether the reader has moved the cursor; until then it stays on top."""

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.shown[self.cursor] if 0 <= self.cursor < len(self.shown) else None

    @property
    def last(self) -> int:
        """The index of the last row shown; 0 where there is none."""
        return max(0, len(self.shown) - 1)

    def put(self, rows: Sequence[Row]) -> None:
        """Hold other rows; the cursor stays on the row of the same key."""
        key = self.current.key if self.current and self.touched else None
        self.rows = list(rows)
        self._filtered(key)

    def dress(self, rows: Sequence[Row]) -> None:
        """Hold the same rows in another dress, in the same order."""
        self.rows = list(rows)
        self.shown = self.filter.of(self.rows)

    def narrow(self, wanted: Filter) -> None:
        """Show only the rows that `wanted` lets through; the cursor stays on its row if that is one of them."""
        key = self.current.key if self.current else None
        self.filter = wanted
        self._filtered(key)

    def add(self, rows: Sequence[Row]) -> int:
        """Add rows below; returns how many of them are shown."""
        fresh = self.filter.of(rows)
        self.rows.extend(rows)
        self.shown.extend(fresh)
        return len(fresh)

    def take_end(self, count: int) -> int:
        """Take the last `count` rows away; returns how many of them were shown. The cursor may stand behind the end."""
        gone = {id(row) for row in self.rows[-count:]}
        del self.rows[-count:]
        before = len(self.shown)
        while self.shown and id(self.shown[-1]) in gone:
            self.shown.pop()
        return before - len(self.shown)

    def forget(self, keep: int) -> int:
        """Let the oldest rows beyond `keep` go; returns how many of them were shown. The cursor goes with its row."""
        over = len(self.rows) - keep
        if over <= 0:
            return 0
        gone = {id(row) for row in self.rows[:over]}
        del self.rows[:over]
        lost = sum(1 for row in self.shown[:over] if id(row) in gone)
        del self.shown[:lost]
        self.cursor = max(0, self.cursor - lost)
        return lost

    def where(self, key: str | None) -> int | None:
        """The index of the row of that key among those shown."""
        return next((i for i, row in enumerate(self.shown) if row.key == key), None)

    def mark(self, step: int) -> int | None:
        """The index of the nearest marked row from the cursor on, downwards with `step` 1, upwards with -1."""
        order = range(self.cursor + step, len(self.shown) if step > 0 else -1, step)
        return next((i for i in order if self.shown[i].marked), None)

    def _filtered(self, key: str | None) -> None:
        self.shown = self.filter.of(self.rows)
        found = self.where(key)
        if found is None:
            found = min(self.cursor, self.last) if self.touched else 0
        self.cursor = found
