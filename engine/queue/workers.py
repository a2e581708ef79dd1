"""What a worker, a queue or a type went through together: sums and counts over the runs of a moment.

A single run says little; the same small deviation on every run of one worker says that the worker is sick. Sums are
kept as whole millionths, so that they come out the same wherever the log was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.queue.runs import Floats, Ints, Runs
from engine.queue.windows import Bools, Order, in_chunks

MILLIONTHS = 1_000_000.0
CLIP = 5.0
"""One wild run counts for no more than five standard deviations."""
STEPS = np.array([0, 1, 2, 3, 5, 8, 11, 17, 26, 38, 58, 86])
"""How many runs back the memory of a worker is looked at: twelve runs, ever sparser, over the last 87."""
NO_RISE = 0.1
"""A rise (logarithm) of less than a tenth is not looked at further."""


@dataclass(frozen=True, slots=True)
class Nearby:
    """Which runs of a group belong to a run's moment: so many before and after it, no further away than these times."""

    before: int
    after: int
    back_us: int
    settle_us: int


@dataclass(frozen=True, slots=True)
class Company:
    """The runs near each run in its group, as places `low` to `high` of `order`, an entry for each of `places`."""

    order: Order
    known: Bools
    """By row: whether the run has a group at all (not negative)."""
    low: Ints
    high: Ints
    base: int
    """The first row whose company is asked for; results begin with it."""
    places: Ints

    def pooled(self, z: Floats) -> tuple[Floats, Ints]:
        """The sum of `z`, clipped, over each run's company, and how many of them had one."""
        known = ~np.isnan(z)
        clipped = np.clip(np.where(known, z, 0.0), -CLIP, CLIP).astype(np.float64)
        total, count = self._sums((clipped * MILLIONTHS).round().astype(np.int64), known)
        return (total / MILLIONTHS).astype(np.float32), count

    def counted(self, flags: Floats) -> tuple[Floats, Ints]:
        """How many of each run's company have a flag (0 or 1, NaN is missing), and of how many."""
        known = ~np.isnan(flags)
        total, count = self._sums(np.where(known, flags, 0.0).astype(np.int64), known)
        return total.astype(np.float32), count

    def _sums(self, values: Ints, known: Bools) -> tuple[Ints, Ints]:
        known = known & self.known
        whole = np.where(known, values, 0)[self.order.rows]
        sums = np.concatenate(([0], np.cumsum(whole)))
        counts = np.concatenate(([0], np.cumsum(known[self.order.rows])))
        total, count = sums[self.high] - sums[self.low], counts[self.high] - counts[self.low]
        order, places = self.order, self.places
        return order.scattered(places, total, self.base), order.scattered(places, count, self.base)


def company(runs: Runs, order: Order, group: Ints, nearby: Nearby) -> Company:
    """The company of each run from `runs.near` on in `group`, which `order` has in order of the runs' end."""
    at = order.asked(runs.near)
    rows = order.rows[at]
    low = np.maximum(order.place(runs.row_at(-nearby.back_us)[rows], at), at - nearby.before)
    high = np.minimum(order.place(runs.row_at(nearby.settle_us + 1)[rows], at), at + 1 + nearby.after)
    return Company(order, group >= 0, low, high, runs.near, at)


def rising(values: Floats, runs: Runs, order: Order, within_us: int) -> tuple[Floats, Floats]:
    """The rise of `values` over the group's last runs, oldest to newest third, and Mann and Kendall's z of it.

    Pairs of runs that rise against pairs that fall, over STEPS; ties count for neither. NaN with fewer than eight
    values or where the newest is missing; z is 0 where there is no rise to speak of.
    """
    column, places = values[order.rows], order.asked(runs.first)
    begin = order.place(runs.row_at(-within_us)[order.rows[places]], places)
    rise, z = np.full(len(places), np.nan), np.full(len(places), np.nan)

    def work(part: slice) -> None:
        index = places[part, None] - STEPS
        window = column[np.maximum(index, 0)]
        window[index < begin[part, None]] = np.nan
        known = np.count_nonzero(~np.isnan(window), axis=1)
        fit = (known >= 8) & ~np.isnan(window[:, 0])
        rise[part] = np.where(fit, _mean(window[:, :4]) - _mean(window[:, -4:]), np.nan)
        z[part] = np.where(fit, 0.0, np.nan)
        some = np.flatnonzero(fit & (rise[part] > NO_RISE))
        z[part.start + some] = _trend(window[some])

    if not np.isnan(column).all():
        in_chunks(len(places), work)
    return order.scattered(places, rise, runs.first), order.scattered(places, z, runs.first)


def _trend(window: Floats) -> Floats:
    """Mann and Kendall's z of each row, newest first, with the correction for continuity."""
    known = np.count_nonzero(~np.isnan(window), axis=1)
    score = np.zeros(len(window))
    for i in range(window.shape[1] - 1):
        score += np.nansum(np.sign(window[:, i : i + 1] - window[:, i + 1 :]), axis=1)
    spread = np.sqrt(known * (known - 1) * (2 * known + 5) / 18.0)
    return np.asarray((score - np.sign(score)) / np.maximum(spread, 1.0), np.float32)


def _mean(window: Floats) -> Floats:
    known = np.count_nonzero(~np.isnan(window), axis=1)
    return np.where(known > 0, np.nansum(window, axis=1) / np.maximum(known, 1), np.nan)
