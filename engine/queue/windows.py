"""Windows over runs: who came before, who was near, and the quantiles of what they did, thousands of runs at a time.

Everything here is a pure function of positions and values. Windows are small matrices (a run a row, a neighbour a
column), filled and sorted chunk by chunk on two threads, so memory stays bounded whatever the number of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.queue.runs import Floats, Ints

Bools = npt.NDArray[np.bool_]
Number = TypeVar("Number", np.float32, np.int64)

CHUNK = 8192
"""Rows of a window matrix at a time: 8,192 rows of 64 floats are 2 MB and stay in the cache."""

THREADS = 2


@dataclass(frozen=True, slots=True)
class Order:
    """Rows grouped, and ordered inside the group: `rows[i]` is the row at place i, its group is places first..last."""

    rows: Ints
    first: Ints
    """The first place of the group that place i belongs to."""
    last: Ints
    """One past the last place of that group."""

    def asked(self, row: int) -> Ints:
        """The places of `row` and the rows after it."""
        return np.flatnonzero(self.rows >= row) if row else np.arange(len(self.rows))

    def scattered(self, places: Ints, values: npt.NDArray[Number], base: int) -> npt.NDArray[Number]:
        """`values` of the `places` that `asked(base)` gave, by row: the first is that of row `base`."""
        out = np.empty(len(self.rows) - base, values.dtype)
        out[self.rows[places] - base] = values
        return out

    def place(self, bound: Ints, places: Ints) -> Ints:
        """For each of `places`, the first place of its group whose row is its `bound` (a row) or later.

        Only for groups in order of row.
        """
        width = len(self.rows) + 1
        found: Ints = np.searchsorted(self.first * width + self.rows, self.first[places] * width + bound, "left")
        return found


def grouped(group: Ints, *keys: Ints) -> Order:
    """Rows by `group`, then by `keys` in order of weight, then by row."""
    rows = np.lexsort((*reversed(keys), group)) if keys else np.argsort(group, kind="stable")
    of = group[rows]
    starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(of)])
    return Order(rows, np.repeat(starts, sizes), np.repeat(starts + sizes, sizes))


def in_chunks(total: int, work: Callable[[slice], None]) -> None:
    """Call `work` for each chunk of `total` rows; chunks must not depend on each other."""
    parts = [slice(begin, min(begin + CHUNK, total)) for begin in range(0, total, CHUNK)]
    if len(parts) < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, parts):
            pass


def neighbours(column: npt.NDArray[Number], before: int, after: int, fill: float) -> npt.NDArray[Number]:
    """A view of `column` with a row for each place: the values from `before` places before it to `after` behind it."""
    padded = np.concatenate((np.full(before, fill, column.dtype), column, np.full(after, fill, column.dtype)))
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1)


def quantiles(window: Floats, probabilities: tuple[float, ...]) -> tuple[list[Floats], Ints]:
    """Quantiles of each row of `window` (NaN is missing; the matrix is sorted in place) and how many values it had.

    Linear interpolation, as numpy does it. A row without values has NaN quantiles.
    """
    known = window.shape[1] - np.count_nonzero(np.isnan(window), axis=1)
    window.sort(axis=1)
    top = np.maximum(known - 1, 0)
    flat, start = window.reshape(-1), np.arange(len(window)) * window.shape[1]
    found = []
    for probability in probabilities:
        place = probability * top
        low = place.astype(np.int64)
        under = flat[start + low]
        found.append(under + (flat[start + np.minimum(low + 1, top)] - under) * (place - low))
    return found, known
