"""Intervals of a share: Wilson's for one look, and two that stay valid however often one looks.

`confidence_sequence` is for a stream from its start, `sliding` for a window of its newest items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import lgamma, log, log1p, sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a share, 0..1."""

    low: float
    high: float


def wilson(hits: float, n: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (1927) of `hits` of `n`: right at one look, too narrow when looked at repeatedly."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    p = hits / n
    middle = p + z * z / (2.0 * n)
    spread = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    scale = 1.0 + z * z / n
    return Interval(max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def confidence_sequence(hits: float, n: float, alpha: float = 0.05) -> Interval:
    """Robbins' beta-mixture sequence: over all n at once, it misses the truth with a chance of at most `alpha`.

    The shares p whose mixture martingale B(hits + 1, n - hits + 1) / (p^hits (1 - p)^(n - hits)) is under 1 / alpha
    (Robbins 1970; Howard et al. 2021). About 1.7 to 2 times as wide as Wilson's.
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    misses = n - hits
    bound = lgamma(hits + 1.0) + lgamma(misses + 1.0) - lgamma(n + 2.0) + log(alpha)

    return _where(lambda p: _log_likelihood(p, hits, misses) > bound, hits / n)


def sliding(hits: float, n: float, looks: float, alpha: float = 0.05) -> Interval:
    """Of the newest `n` items, a look an item: over all looks it misses the truth with a chance of at most `alpha`.

    Chernoff's bound n KL(hits / n, p) <= log(2 / a) with a = alpha / (t (t + 1)) at look t = `looks`, which adds up to
    alpha. What holds for every window that ever slides by costs about 3 times Wilson's width.
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    misses, t = n - hits, max(looks, n)
    bound = _log_likelihood(hits / n, hits, misses) - log(2.0 * t * (t + 1.0) / alpha)
    return _where(lambda p: _log_likelihood(p, hits, misses) > bound, hits / n)


def mean_sequence(mean: float, n: float, alpha: float = 0.05) -> Interval:
    """The confidence sequence of a mean of values in 0..1: Robbins' normal mixture, variance 1/4, tuned to n = 1,000.

    Half width sqrt((v + r) log((v + r) / (alpha^2 r))) / n with v = n / 4 (Howard et al. 2021, eq. 14).
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    variance, tuning = n / 4.0, 31.0
    half = sqrt((variance + tuning) * log((variance + tuning) / (alpha * alpha * tuning))) / n
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def _log_likelihood(p: float, hits: float, misses: float) -> float:
    return (hits * log(p) if hits else 0.0) + (misses * log1p(-p) if misses else 0.0)


def _where(inside: Callable[[float], bool], peak: float) -> Interval:
    """The shares around `peak` that are `inside`; where the peak is 0 or 1, that end itself."""
    return Interval(0.0 if peak <= 0.0 else _edge(inside, 0.0, peak), 1.0 if peak >= 1.0 else _edge(inside, 1.0, peak))


def _edge(inside: Callable[[float], bool], outer: float, inner: float) -> float:
    """Where `inside` turns from false (towards `outer`) to true (at `inner`), by bisection to 1e-12."""
    low, high = outer, inner
    for _ in range(60):
        middle = (low + high) / 2.0
        if 0.0 < middle < 1.0 and inside(middle):
            high = middle
        else:
            low = middle
    return low
