"""A table made to fit a terminal: text is cut before columns are left out, and what happened can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TEXT_COLUMNS, LONG_TEXT_COLUMNS = 16, 24
"""Text is never cut to less. The longest text of a table is what people read: it keeps more and is never left out."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Which columns are shown, how wide each is, the blanks between them, and whether text is cut."""

    kept: Sequence[int]
    widths: Sequence[int]
    gap: int
    is_cut: bool


def fitted(widths: Sequence[int], is_text: Sequence[bool], room: int) -> Fitted:
    """Columns of these widths in `room` columns of a terminal. Cuts text, then the blanks between, then leaves columns
    out from the end.
    """
    kept = list(range(len(widths)))
    longest = max((i for i in kept if is_text[i]), key=lambda i: widths[i], default=None)

    def least(i: int) -> int:
        return min(widths[i], (LONG_TEXT_COLUMNS if i == longest else TEXT_COLUMNS) if is_text[i] else widths[i])

    for gap in (2, 1):
        if sum(map(least, kept)) + gap * (len(kept) - 1) <= room:
            return _cut(kept, widths, [least(i) for i in kept], gap, room)
    while len(kept) > 1 and sum(map(least, kept)) + len(kept) - 1 > room:
        kept.remove(next(i for i in reversed(kept) if i != longest))
    return _cut(kept, widths, [least(i) for i in kept], 1, room)


def _cut(kept: Sequence[int], widths: Sequence[int], least: Sequence[int], gap: int, room: int) -> Fitted:
    """The widest columns give room first."""
    out = [widths[i] for i in kept]
    over = sum(out) + gap * (len(out) - 1) - room
    while over > 0:
        widest = max(range(len(out)), key=lambda i: out[i] - least[i])
        spare = out[widest] - least[widest]
        if spare <= 0:
            break
        taken = min(over, spare)
        out[widest] -= taken
        over -= taken
    return Fitted(kept, out, gap, any(out[k] < widths[i] for k, i in enumerate(kept)))
