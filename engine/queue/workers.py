"""What a worker, a queue or a type went through together: sums over the last minutes, counts over the last runs.

A single run says little; the same small deviation on every run of one worker says that the worker is sick. Sums are kept
as whole millionths, so that they come out the same wherever the log was cut.
"""

from __future__ import annotations

import numpy as np

from engine.queue.runs import Floats, Ints
from engine.queue.windows import grouped, since, until

MILLIONTHS = 1_000_000.0
CLIP = 5.0
"""One wild run counts for no more than five standard deviations."""


def pooled(z: Floats, group: Ints, end_us: Ints, back_us: int, settle_us: int) -> tuple[Floats, Ints]:
    """The sum of clipped `z` over each run's group between `back_us` before its end and `settle_us` after, and the count.

    Runs without a z or a group (negative) do not count; `end_us` ascends.
    """
    order = grouped(group)
    end = end_us[order.rows]
    known = ~np.isnan(z) & (group >= 0)
    whole = np.where(known, np.clip(np.nan_to_num(z), -CLIP, CLIP) * MILLIONTHS, 0.0).round().astype(np.int64)
    low, high = since(order, end, end - back_us), until(order, end, end + settle_us)
    sums = np.r_[0, np.cumsum(whole[order.rows])]
    counts = np.r_[0, np.cumsum(known[order.rows])]
    return order.back((sums[high] - sums[low]) / MILLIONTHS), order.back(counts[high] - counts[low])


def recent(flags: Floats, group: Ints, end_us: Ints, last: int, within_us: int) -> tuple[Floats, Ints]:
    """The sum of `flags` (whole numbers, NaN is missing) over the group's `last` runs up to and with each run, and the
    number of them; runs that ended more than `within_us` ago do not count.
    """
    order = grouped(group)
    end = end_us[order.rows]
    known = ~np.isnan(flags) & (group >= 0)
    whole = np.where(known, np.nan_to_num(flags), 0.0).astype(np.int64)[order.rows]
    high = np.arange(len(end)) + 1
    low = np.maximum(since(order, end, end - within_us), high - last)
    sums, counts = np.r_[0, np.cumsum(whole)], np.r_[0, np.cumsum(known[order.rows])]
    return order.back((sums[high] - sums[low]).astype(np.float64)), order.back(counts[high] - counts[low])
