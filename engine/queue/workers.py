"""What a worker, a queue or a type went through together: sums and counts over the runs of a moment.

A single run says little; the same small deviation on every run of one worker says that the worker is sick. Sums are
kept as whole millionths, so that they come out the same wherever the log was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.queue.runs import Floats, Ints
from engine.queue.windows import grouped, in_chunks, since, until

Bools = npt.NDArray[np.bool_]

MILLIONTHS = 1_000_000.0
STEPS = np.array([0, 1, 2, 3, 5, 8, 11, 17, 26, 38, 58, 86])
"""How many runs back the memory of a worker is looked at: twelve runs, ever sparser, over the last 87."""
CLIP = 5.0
"""One wild run counts for no more than five standard deviations."""


@dataclass(frozen=True, slots=True)
class Nearby:
    """Which runs of a group belong to a run's moment: so many before and after it, no further away than these times."""

    before: int
    after: int
    back_us: int
    settle_us: int


def pooled(z: Floats, group: Ints, end_us: Ints, nearby: Nearby) -> tuple[Floats, Ints]:
    """The sum of clipped `z` over the runs of each run's group that are `nearby`, and how many had a z.

    Runs without a z or a group (negative) do not count; `end_us` ascends.
    """
    known = ~np.isnan(z) & (group >= 0)
    whole = np.where(known, np.clip(np.nan_to_num(z), -CLIP, CLIP) * MILLIONTHS, 0.0).round().astype(np.int64)
    total, count = _sums(whole, known, group, end_us, nearby)
    return total / MILLIONTHS, count


def counted(flags: Floats, group: Ints, end_us: Ints, nearby: Nearby) -> tuple[Floats, Ints]:
    """How many of the runs of each run's group that are `nearby` have a flag (0 or 1, NaN is missing), and of how many."""
    known = ~np.isnan(flags) & (group >= 0)
    total, count = _sums(np.where(known, np.nan_to_num(flags), 0.0).astype(np.int64), known, group, end_us, nearby)
    return total.astype(np.float64), count


def _sums(whole: Ints, known: Bools, group: Ints, end_us: Ints, nearby: Nearby) -> tuple[Ints, Ints]:
    order = grouped(group)
    end, place = end_us[order.rows], np.arange(len(end_us))
    low = np.maximum(since(order, end, end - nearby.back_us), place - nearby.before)
    high = np.minimum(until(order, end, end + nearby.settle_us), place + 1 + nearby.after)
    sums, counts = np.r_[0, np.cumsum(whole[order.rows])], np.r_[0, np.cumsum(known[order.rows])]
    return order.back(sums[high] - sums[low]), order.back(counts[high] - counts[low])


def rising(values: Floats, group: Ints, end_us: Ints, within_us: int) -> tuple[Floats, Floats]:
    """Whether `values` rise over the group's last runs: Mann and Kendall's z, and the rise from oldest to newest third.

    Pairs of runs that rise against pairs that fall, over STEPS; ties count for neither. NaN with fewer than eight
    values, without a group (negative), or where the newest value is missing.
    """
    order = grouped(group)
    end, sorted_values = end_us[order.rows], values[order.rows]
    begin = since(order, end, end - within_us)
    z, rise = np.full(len(values), np.nan), np.full(len(values), np.nan)

    def work(part: slice) -> None:
        index = np.arange(part.start, part.stop)[:, None] - STEPS
        window = np.where(index >= begin[part, None], sorted_values[np.maximum(index, 0)], np.nan)
        known = np.count_nonzero(window == window, axis=1)
        score = np.zeros(len(window))
        for i in range(len(STEPS) - 1):
            score += np.nansum(np.sign(window[:, i : i + 1] - window[:, i + 1 :]), axis=1)
        spread = np.sqrt(known * (known - 1) * (2 * known + 5) / 18.0)
        fit = (known >= 8) & ~np.isnan(window[:, 0])
        z[part] = np.where(fit, (score - np.sign(score)) / np.maximum(spread, 1.0), np.nan)
        rise[part] = np.where(fit, _third(window[:, :4]) - _third(window[:, -4:]), np.nan)

    in_chunks(len(values), work)
    alone = order.back(np.where(group[order.rows] >= 0, z, np.nan))
    return alone, order.back(rise)


def _third(window: Floats) -> Floats:
    known = np.count_nonzero(window == window, axis=1)
    return np.where(known > 0, np.nansum(window, axis=1) / np.maximum(known, 1), np.nan)
