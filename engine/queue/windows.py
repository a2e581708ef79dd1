"""Windows over runs: who came before, who was near, and the quantiles of what they did, thousands of runs at a time.

Everything here is a pure function of positions and values. Windows are small matrices (a run a row, a neighbour a
column), filled and sorted chunk by chunk on two threads, so memory stays bounded whatever the number of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from engine.queue.runs import Floats, Ints

CHUNK = 8192
"""Rows of a window matrix at a time: 8,192 rows of 64 floats are 4 MB and stay in the cache."""

THREADS = 2


@dataclass(frozen=True, slots=True)
class Order:
    """Rows grouped, and ordered inside the group: `rows[i]` is the row at place i, its group is places first..last."""

    rows: Ints
    first: Ints
    """The first place of the group that place i belongs to."""
    last: Ints
    """One past the last place of that group."""

    def back(self, values: np.ndarray) -> np.ndarray:
        """`values` by place, put back by row."""
        out = np.empty_like(values)
        out[self.rows] = values
        return out


def grouped(group: Ints, *keys: Ints) -> Order:
    """Rows by `group`, then by `keys` in order of weight, then by row."""
    rows = np.lexsort((*reversed(keys), group)) if keys else np.argsort(group, kind="stable")
    of = group[rows]
    starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(of)])
    return Order(rows.astype(np.int64), np.repeat(starts, sizes), np.repeat(starts + sizes, sizes))


def since(order: Order, times: Ints, moments: Ints) -> Ints:
    """The first place of each place's group whose time is at or after `moments` (times ascend inside a group)."""
    ranked = np.sort(times)
    width = len(times) + 1
    own = np.searchsorted(ranked, times, "left") + order.first * width
    wanted = np.searchsorted(ranked, moments, "left") + order.first * width
    return np.searchsorted(own, wanted, "left").astype(np.int64)


def until(order: Order, times: Ints, moments: Ints) -> Ints:
    """One past the last place of each place's group whose time is at or before `moments`."""
    return since(order, times, moments + 1)


def spans(total: int) -> list[slice]:
    """`total` rows as slices of CHUNK."""
    return [slice(begin, min(begin + CHUNK, total)) for begin in range(0, total, CHUNK)]


def in_chunks(total: int, work: Callable[[slice], None]) -> None:
    """Call `work` for each chunk of `total` rows; chunks must not depend on each other."""
    parts = spans(total)
    if len(parts) < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, parts):
            pass


def quantiles(window: Floats, probabilities: tuple[float, ...]) -> tuple[list[Floats], Ints]:
    """Quantiles of each row of `window` (NaN is missing; the matrix is sorted in place) and how many values it had.

    Linear interpolation, as numpy does it. A row without values has NaN quantiles.
    """
    window.sort(axis=1)
    known = np.count_nonzero(window == window, axis=1)
    top = np.maximum(known - 1, 0)
    rows = np.arange(len(window))
    found = []
    for probability in probabilities:
        place = probability * top
        low = place.astype(np.int64)
        under = window[rows, low]
        found.append(under + (window[rows, np.minimum(low + 1, top)] - under) * (place - low))
    return found, known
