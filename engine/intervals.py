"""Intervals of a share: Wilson's for one look, and a confidence sequence that stays valid however often one looks."""

from __future__ import annotations

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

    def inside(p: float) -> bool:
        likelihood = (hits * log(p) if hits else 0.0) + (misses * log1p(-p) if misses else 0.0)
        return likelihood > bound

    peak = hits / n
    return Interval(0.0 if hits == 0 else _edge(inside, 0.0, peak), 1.0 if misses == 0 else _edge(inside, 1.0, peak))


def _edge(inside: object, outer: float, inner: float) -> float:
    """Where `inside` turns from false (towards `outer`) to true (at `inner`), by bisection to 1e-12."""
    assert callable(inside)
    low, high = outer, inner
    for _ in range(60):
        middle = (low + high) / 2.0
        if 0.0 < middle < 1.0 and inside(middle):
            high = middle
        else:
            low = middle
    return low
