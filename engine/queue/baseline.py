"""What is usual for a job: quantiles of its type's own past, of its neighbours in time, of the runs that started with it.

Three baselines, each from bounded windows:
- the week: up to 64 runs spread evenly over the type's last seven days, renewed once a minute. Long memory is what
  keeps a bad day from becoming the new normal.
- the moment: the 32 runs of the type that ended before and up to 16 that ended within `settle` after, with the
  payload's influence taken out by a resistant line (Brown and Mood 1951: the slope between the medians of the lower and
  the upper half). It follows a batch of large inputs or a busy hour.
- the start: the 8 runs of the type that started before and the 8 that started after, of those that had ended by then.
  Runs that start together waited in the same queue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.queue.runs import Floats, Ints, Runs
from engine.queue.windows import Order, grouped, in_chunks, quantiles, since

WEEK_US = 7 * 86_400_000_000
RENEWED_US = 60_000_000
"""The week's quantiles are taken anew for the first run of a type in each minute."""
WEEK_RUNS = 64
BEFORE, AFTER = 32, 16
STARTED = 8
PRIOR_RUNS = 12.0
LINE_RUNS = 8
"""Fewer runs than this give no slope on the payload."""
SLOPES = (-0.25, 1.5)
"""A run's time grows at most a little faster than its payload; a steeper line is noise."""
PROBABILITIES = (0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Usual:
    """Quantiles of what is usual for each run (rows), in the unit of the values given; NaN where nothing is known."""

    low: Floats
    """The first quartile."""
    middle: Floats
    high: Floats
    """The third quartile."""
    p90: Floats
    p95: Floats
    runs: Ints
    """How many runs the quantiles were taken from."""
    effect: Floats
    """What the payload adds to the middle, against a payload of the usual size; 0 where it was not considered."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far each run is from what is usual; all by row, NaN where the run or the baseline is unknown."""

    z: Floats
    """In robust standard deviations, widened when few runs are known."""
    fence: Floats
    """How many interquartile ranges beyond the third quartile; Tukey's fence is at 1.5."""
    usual: Floats
    spread: Floats
    runs: Ints


@dataclass(frozen=True, slots=True)
class Scale:
    """How wide a figure's spread (of its logarithm) is taken to be, whatever the data say."""

    floor: float
    """Never narrower than this: 0.3 lets a run take 1.35 times its usual before it is one spread off."""
    prior: float
    """The spread before anything is known; it counts as much as PRIOR_RUNS runs."""


def deviation(values: Floats, usual: Usual, scale: Scale, known: Ints) -> Deviation:
    """`values` against `usual`; `known` is how many runs of the type the week holds so far.

    The spread is the widest of IQR / 1.349, (p90 - median) / 1.2816, (p95 - median) / 2.14 and the floor: the upper
    quantiles keep types with a long tail quiet, and 1.3 x 1.645 = 2.14 forgives the two largest of 48 runs, which may
    themselves be faults. The last factor is the uncertainty of the median itself.
    """
    iqr = usual.high - usual.low
    tail = np.maximum((usual.p90 - usual.middle) / 1.2816, (usual.p95 - usual.middle) / 2.14)
    seen = np.nan_to_num(np.maximum(np.maximum(iqr / 1.349, tail), scale.floor), nan=scale.prior)
    many = np.maximum(known, usual.runs)
    weight = many / (many + PRIOR_RUNS)
    spread = (weight * seen + (1.0 - weight) * scale.prior) * np.sqrt(1.0 + 1.0 / np.maximum(usual.runs, 1))
    z = (values - usual.middle) / spread
    fence = (values - usual.high) / np.maximum(iqr, 1.349 * scale.floor)
    return Deviation(z, fence, usual.middle, spread, usual.runs)


def _empty(total: int) -> Usual:
    parts = [np.full(total, np.nan) for _ in PROBABILITIES]
    return Usual(*parts, np.zeros(total, np.int64), np.zeros(total))


def _fill(usual: Usual, part: slice | Ints, window: Floats) -> None:
    found, known = quantiles(window, PROBABILITIES)
    for into, values in zip((usual.low, usual.middle, usual.high, usual.p90, usual.p95), found, strict=True):
        into[part] = values
    usual.runs[part] = known


def _by_row(usual: Usual, order: Order, pick: Ints | None = None) -> Usual:
    def back(values: np.ndarray) -> np.ndarray:
        return order.back(values if pick is None else values[pick])

    return Usual(back(usual.low), back(usual.middle), back(usual.high), back(usual.p90), back(usual.p95),
                 back(usual.runs), back(usual.effect))  # fmt: skip


def by_type(runs: Runs) -> Order:
    """Runs by type, in order of their end."""
    return grouped(runs.job_type)


def week(runs: Runs, order: Order, values: dict[str, Floats]) -> dict[str, Usual]:
    """The usual of each value over the last seven days of the run's type, as of the run's minute.

    While a type has fewer than 64 runs in the week, its quantiles are taken anew for every run.
    """
    end = runs.end_us[order.rows]
    place = np.arange(len(end))
    minute = end // RENEWED_US
    new = (place == order.first) | (minute != np.roll(minute, 1))
    renewed = np.maximum.accumulate(np.where(new, place, 0))
    begin = since(order, end, end[renewed] - WEEK_US) if len(end) else place
    sparse = renewed - begin < WEEK_RUNS
    upto = np.where(sparse, place, renewed)
    begin = np.where(sparse, since(order, end, end - WEEK_US), begin)
    distinct, pick = np.unique(upto, return_inverse=True)
    first = np.zeros(len(distinct), np.int64)
    first[pick] = begin
    steps = np.arange(WEEK_RUNS)
    sorted_values = {name: column[order.rows] for name, column in values.items()}
    found = {name: _empty(len(distinct)) for name in values}

    def work(part: slice) -> None:
        stop, start = distinct[part, None], first[part, None]
        stride = np.maximum(stop - start, WEEK_RUNS) / WEEK_RUNS
        index = stop - 1 - ((steps + 0.5) * stride - 0.5).astype(np.int64)
        known = index >= start
        index = np.maximum(index, 0)
        for name, column in sorted_values.items():
            _fill(found[name], part, np.where(known, column[index], np.nan))

    in_chunks(len(distinct), work)
    return {name: _by_row(usual, order, pick) for name, usual in found.items()}


def moment(runs: Runs, order: Order, values: dict[str, Floats], payload: Floats, settle_us: int) -> dict[str, Usual]:
    """The usual of each value among the neighbours in time, at the run's own payload."""
    end = runs.end_us[order.rows]
    offsets = np.r_[-np.arange(1, BEFORE + 1), np.arange(1, AFTER + 1)]
    sorted_values = {name: column[order.rows] for name, column in values.items()}
    size = payload[order.rows]
    found = {name: _empty(len(end)) for name in values}

    def work(part: slice) -> None:
        index, known = _near(order, end, part, offsets, settle_us)
        sizes = np.where(known, size[index], np.nan)
        halves = _halves(sizes)
        centre = _median(sizes, known)
        for name, column in sorted_values.items():
            window = np.where(known, column[index], np.nan)
            slope = _slope(window, sizes, *halves)
            own = np.where(np.isnan(size[part]), 0.0, slope * size[part])
            found[name].effect[part] = np.nan_to_num(slope * (size[part] - centre))
            window -= np.where(slope == 0.0, 0.0, slope)[:, None] * np.nan_to_num(sizes)
            _fill(found[name], part, window)
            for quantile in _columns(found[name]):
                quantile[part] += own

    in_chunks(len(end), work)
    return {name: _by_row(usual, order) for name, usual in found.items()}


def _columns(usual: Usual) -> tuple[Floats, ...]:
    return usual.low, usual.middle, usual.high, usual.p90, usual.p95


def _near(order: Order, end: Ints, part: slice, offsets: Ints, settle_us: int) -> tuple[Ints, np.ndarray]:
    """Places `offsets` away, and which of them are of the same group, in the week, and had ended by `settle`."""
    place = np.arange(part.start, part.stop)[:, None]
    index = place + offsets
    known = (index >= order.first[part, None]) & (index < order.last[part, None])
    index = np.clip(index, 0, len(end) - 1)
    ended = end[index]
    known &= (ended <= end[part, None] + settle_us) & (ended >= end[part, None] - WEEK_US)
    return index, known


def _halves(sizes: Floats) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Which neighbours have the larger and the smaller payloads, and how far apart the halves' medians are."""
    (middle,), known = quantiles(sizes.copy(), (0.5,))
    upper = sizes > middle[:, None]
    lower = sizes <= middle[:, None]
    apart = _median(sizes, upper) - _median(sizes, lower)
    return upper, lower, np.where(known >= LINE_RUNS, apart, 0.0)


def _median(window: Floats, chosen: np.ndarray) -> Floats:
    (middle,), _ = quantiles(np.where(chosen, window, np.nan), (0.5,))
    return middle


def _slope(window: Floats, _sizes: Floats, upper: np.ndarray, lower: np.ndarray, apart: Floats) -> Floats:
    usable = apart > 0.1
    rise = _median(window, upper) - _median(window, lower)
    slope = np.where(usable, rise / np.where(usable, apart, 1.0), 0.0)
    return np.clip(np.nan_to_num(slope), *SLOPES)


def start(runs: Runs, values: Floats, settle_us: int) -> Usual:
    """The usual of `values` among the runs of the type that started nearest."""
    order = grouped(runs.job_type, runs.start_us, runs.end_us)
    end, column = runs.end_us[order.rows], values[order.rows]
    offsets = np.r_[-np.arange(1, STARTED + 1), np.arange(1, STARTED + 1)]
    found = _empty(len(end))

    def work(part: slice) -> None:
        index, known = _near(order, end, part, offsets, settle_us)
        _fill(found, part, np.where(known, column[index], np.nan))

    in_chunks(len(end), work)
    return _by_row(found, order)
