"""A row of figures as one line of blocks, e.g. `▅▆▇█▆▃`: how something went, beside what it came to."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
LEAST_SPAN = 0.1
"""Of the greatest value: where all are nearly the same, their small differences fill no whole block."""


def sparkline(values: Sequence[float | None]) -> str:
    """One block a value, from the least (or 90 % of the greatest, if that is less) to the greatest; unknown is blank.

    >>> sparkline([0.95, 0.95, 0.90, 0.80, None, 0.70])
    '██▇▄ ▁'
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    top = max(known)
    low = min(min(known), top - abs(top) * LEAST_SPAN)
    return "".join(" " if value is None else _block(value, low, top) for value in values)


def _block(value: float, low: float, top: float) -> str:
    share = (value - low) / (top - low) if top > low else 0.0
    return BLOCKS[round(share * (len(BLOCKS) - 1))]
