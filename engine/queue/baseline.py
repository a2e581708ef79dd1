"""What is usual for a job: its type's own past, its neighbours in time, its equals among them.

Three baselines, each quantiles of a bounded window:
- the week: up to 64 runs spread evenly over the type's last seven days, renewed every 20 seconds. Long memory is what
  keeps a bad day from becoming the new normal.
- the moment: of the 32 runs of the type that ended before and up to 16 that ended within `settle` after, the 32 most
  like the run in payload, with the payload's influence taken out by a resistant line (Brown and Mood 1951: the slope
  between the medians of the lower and the upper half). It follows a batch of large inputs or a busy hour.
- the equals: of those neighbours the 16 whose payload is nearest, for waits: schedulers serve by size, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.queue.deviation import Usual
from engine.queue.runs import Floats, Ints, Runs
from engine.queue.windows import Bools, Order, grouped, in_chunks, neighbours, quantiles

WEEK_US = 7 * 86_400_000_000
RENEWED_US = 20_000_000
"""The week's quantiles and the payload's line are taken anew for the first run of a type in every 20 seconds."""
WEEK_RUNS = 64
"""A median of 64 is off by a sixth of a spread; 256 of them judged no better and cost four times as much."""
EARLIER_RUNS = 10
"""With fewer runs before an incident, the incident itself has to serve as the past."""
BEFORE, AFTER = 32, 16
ALIKE, EQUALS = 32, 16
"""Neighbours that times and memory are held against: without the third least like the run in payload, for no line is
straight all along. And those that a wait is held against: a third of them, for there is no line at all."""
A_STEP = np.float32(1e-6)
"""What a neighbour further away counts beside the payloads' difference (a logarithm): it decides between equal ones."""
LINE_RUNS = 8
"""Fewer runs than this give no slope on the payload."""
SLOPES = (-0.25, 1.5)
"""A run's time grows at most a little faster than its payload; a steeper line is noise."""
APART = 0.1
"""Payloads of which the halves' medians (logarithms) are closer than this explain nothing."""


@dataclass(frozen=True, slots=True)
class Past:
    """The runs in groups, with what a run may look back on: places `begin` to `stop` of its group, an entry a place."""

    order: Order
    begin: Ints
    stop: Ints
    base: int
    """The first row of which the past is asked for; results begin with it."""
    places: Ints
    """The places of those rows."""

    def distinct(self) -> tuple[Ints, Ints, Ints]:
        """The different stretches (begin, stop), and which of them each of `places` has."""
        width = len(self.order.rows) + 1
        stretches, pick = np.unique(self.stop * width + self.begin, return_inverse=True)
        stop, begin = np.divmod(stretches, width)
        return begin, stop, pick


def past(runs: Runs, group: Ints, as_of_us: Ints | None = None) -> Past:
    """The week behind each run of its `group`, as it was at the group's first run in the same 20 seconds.

    While a group has fewer than 64 runs in the week, it is as of the run itself. With moments `as_of_us` (a run each)
    only what had ended by then counts, if that leaves EARLIER_RUNS, so that an incident is not measured against itself.
    """
    order = grouped(group)
    places, week = order.asked(runs.near), runs.row_at(-WEEK_US)
    every, slot = np.arange(len(order.rows)), runs.end_us[order.rows] // RENEWED_US
    new = (every == order.first) | (slot != np.roll(slot, 1))
    renewed = np.maximum.accumulate(np.where(new, every, 0))[places]
    begin = order.place(week[order.rows[renewed]], places)
    sparse = renewed - begin < WEEK_RUNS
    begin = np.where(sparse, order.place(week[order.rows[places]], places), begin)
    stop = np.where(sparse, places, renewed)
    if as_of_us is not None:
        bound = np.searchsorted(runs.end_us, as_of_us[order.rows[places]], "left")
        earlier = np.minimum(stop, order.place(bound, places))
        stop = np.where(earlier - begin >= EARLIER_RUNS, earlier, stop)
    return Past(order, begin, stop, runs.near, places)


def week(behind: Past, values: dict[str, Floats]) -> dict[str, Usual]:
    """The usual of each value over the week `behind` each run."""
    begin, stop, pick = behind.distinct()
    by_place = {name: column[behind.order.rows] for name, column in values.items()}
    found = {name: Usual.unknown(len(stop)) for name in values}
    steps = np.arange(WEEK_RUNS) + 0.5

    def work(part: slice) -> None:
        stride = np.maximum(stop[part, None] - begin[part, None], WEEK_RUNS) / WEEK_RUNS
        index = stop[part, None] - 1 - (steps * stride - 0.5).astype(np.int64)
        lacking = index < begin[part, None]
        index = np.maximum(index, 0)
        for name, column in by_place.items():
            window = column[index]
            window[lacking] = np.nan
            found[name].fill(part, window)

    in_chunks(len(stop), work)
    return {name: usual.by_row(behind.order, behind.places, behind.base, pick) for name, usual in found.items()}


def slopes(behind: Past, values: dict[str, Floats], payload: Floats) -> dict[str, Floats]:
    """The slope of each value on the payload over the last runs `behind` each run (0 where there is none)."""
    begin, stop, pick = behind.distinct()
    by_place = {name: column[behind.order.rows] for name, column in values.items()}
    size = payload[behind.order.rows]
    found = {name: np.zeros(len(stop), np.float32) for name in values}
    steps = np.arange(1, BEFORE + AFTER + 1)

    def work(part: slice) -> None:
        index = stop[part, None] - steps
        lacking = index < begin[part, None]
        index = np.maximum(index, 0)
        sizes = size[index]
        sizes[lacking] = np.nan
        (middle,), known = quantiles(sizes.copy(), (0.5,))
        upper, lower = sizes > middle[:, None], sizes <= middle[:, None]
        apart = np.where(known >= LINE_RUNS, _median(sizes, upper) - _median(sizes, lower), 0.0)
        usable = apart > APART
        for name, column in by_place.items():
            rise = _median(column[index], upper) - _median(column[index], lower)
            slope = np.where(usable, rise / np.where(usable, apart, 1.0), 0.0)
            found[name][part] = np.clip(np.nan_to_num(slope), *SLOPES)

    if not np.isnan(size).all():
        in_chunks(len(stop), work)
    return {name: behind.order.scattered(behind.places, slope[pick], behind.base) for name, slope in found.items()}


def _median(window: Floats, chosen: Bools) -> Floats:
    (middle,), _ = quantiles(np.where(chosen, window, np.nan), (0.5,))
    return middle


@dataclass(frozen=True, slots=True)
class Reach:
    """Which places of its group a run may look at: `lowest` to `highest`, an entry for each of `places`."""

    order: Order
    lowest: Ints
    highest: Ints
    base: int
    """The first row whose neighbours are asked for; results begin with it."""
    places: Ints
    """The places of those rows."""


def reach(runs: Runs, order: Order, settle_us: int) -> Reach:
    """From a week before a run's end to `settle_us` after it."""
    places = order.asked(runs.first)
    low, high = (order.place(runs.row_at(us)[order.rows[places]], places) for us in (-WEEK_US, settle_us + 1))
    return Reach(order, low, high, runs.first, places)


@dataclass(frozen=True, slots=True)
class Line:
    """What the payload explains: a slope for each run asked about, and the size to take for a payload not logged."""

    slope: Floats
    usual_size: Floats
    size: Floats
    """Of all runs; NaN where it was not logged."""


def moment(within: Reach, value: Floats, line: Line) -> Usual:
    """The usual of `value` among the neighbours in time that are most like the run, along the `line` at its payload."""
    rows = within.order.rows
    near, sizes = (neighbours(column[rows], BEFORE, AFTER, np.nan) for column in (value, line.size))
    found = Usual.unknown(len(within.places))

    def work(part: slice) -> None:
        at = within.places[part]
        own = rows[at] - within.base
        size = np.where(np.isnan(sizes[at]), line.usual_size[own, None], sizes[at])
        window = near[at] - line.slope[own, None] * size
        _mask(window, within.lowest[part] - at + BEFORE, within.highest[part] - at + BEFORE)
        window[:, BEFORE] = np.nan
        _keep_equals(window, size, ALIKE)
        found.fill(part, window)
        found.shifted(part, line.slope[own] * size[:, BEFORE])

    in_chunks(len(within.places), work)
    return found.by_row(within.order, within.places, within.base)


def _mask(window: Floats, low: Ints, high: Ints) -> None:
    """Make NaN what lies before column `low` or from column `high` on, by row."""
    columns, width = np.arange(window.shape[1], dtype=np.int16), window.shape[1]
    narrow = np.flatnonzero((low > 0) | (high < width))
    bounds = np.clip(low[narrow], 0, width).astype(np.int16), np.clip(high[narrow], 0, width).astype(np.int16)
    cut = window[narrow]
    cut[(columns < bounds[0][:, None]) | (columns >= bounds[1][:, None])] = np.nan
    window[narrow] = cut


def equals(within: Reach, value: Floats, size: Floats) -> Usual:
    """The usual of `value` among those neighbours in time that are nearest in `size` (a logarithm).

    Schedulers serve by size, too: the small runs wait for an hour while large ones come and go, or the reverse. So a
    wait is held against those that a scheduler takes for its equals; where no size is logged, against the nearest.
    """
    rows = within.order.rows
    near, sizes = (neighbours(column[rows], BEFORE, AFTER, np.nan) for column in (value, size))
    found = Usual.unknown(len(within.places))

    def work(part: slice) -> None:
        at = within.places[part]
        window = near[at]
        _mask(window, within.lowest[part] - at + BEFORE, within.highest[part] - at + BEFORE)
        window[:, BEFORE] = np.nan
        _keep_equals(window, sizes[at], EQUALS)
        found.fill(part, window)

    in_chunks(len(within.places), work)
    return found.by_row(within.order, within.places, within.base)


def _keep_equals(window: Floats, size: Floats, many: int) -> None:
    """Make NaN all but `many` values of each row whose size is nearest to the run's own, of ties the nearest."""
    steps = np.abs(np.arange(window.shape[1], dtype=np.float32) - BEFORE)
    apart = np.nan_to_num(np.abs(size - size[:, BEFORE : BEFORE + 1])) + A_STEP * steps
    apart[np.isnan(window)] = np.inf
    window[apart > np.partition(apart, many - 1, axis=1)[:, many - 1 : many]] = np.nan
