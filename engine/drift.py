"""Has the data moved? Each feature and the score: now against a reference, by size and by significance.

PSI over the reference's deciles says how much (0.1 minor, 0.2 major), and is significant above its own null:
chi2 quantile x (1/n + 1/m) (Yurdakul 2018), corrected over the features by Benjamini & Hochberg. Either alone misleads:
at n = 100, PSI > 0.1 in 41 % of windows without any drift. Drift explains; it never alarms by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.deployment import Deployment
from storage.sql import Reader

BINS = 10
MINOR, MAJOR = 0.1, 0.2
LEAST = 200
FALSE_DISCOVERIES = 0.05
MOST_CATEGORIES = 20
WINDOW, REFERENCE = 1_000, 5_000

VERDICTS = pl.Schema({
    "feature": pl.String, "kind": pl.String, "psi": pl.Float64, "shift": pl.Float64, "p_value": pl.Float64,
    "verdict": pl.String, "n": pl.Int64, "n_reference": pl.Int64, "missing": pl.Float64,
    "missing_reference": pl.Float64,
})  # fmt: skip
"""`shift` is the Wasserstein-1 distance in standard deviations of the reference (numeric features)."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """Counts over the same bins, now and then; the last bin is `missing`."""

    now: npt.NDArray[np.float64]
    then: npt.NDArray[np.float64]
    shift: float | None


def check(reader: Reader, now: Deployment) -> pl.DataFrame:
    """Drift of a deployment's newest 1,000 predictions against the 5,000 before them (schema VERDICTS).

    Where there are fewer, the newest third is held against the rest.
    """
    rows = reader.query(
        "SELECT score, features FROM judgements WHERE model = $1 AND version = $2 AND environment = $3"
        " ORDER BY ts DESC, prediction_id LIMIT $4",
        [now.model, now.version, now.environment, WINDOW + REFERENCE],
    )
    wide = unpacked(rows)
    size = min(WINDOW, wide.height // 3)
    return compare(wide[size:], wide[:size])


def unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    """`score` and the JSON of `features` as columns; text that is no JSON object gives no feature."""
    known = rows["features"].drop_nulls()
    if known.is_empty():
        return rows.select("score")
    try:
        decoded = rows["features"].str.json_decode(infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return rows.select("score")
    if not isinstance(decoded.dtype, pl.Struct):
        return rows.select("score")
    whole = pl.concat([rows.select("score"), decoded.struct.unnest().drop("score", strict=False)], how="horizontal")
    simple = [n for n, kind in whole.schema.items() if kind.is_numeric() or kind in (pl.Boolean, pl.String)]
    return whole.select(simple)


def compare(reference: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """Each column of `current` against the same one of `reference`, the most drifted first (schema VERDICTS)."""
    names = [name for name in reference.columns if name in current.columns]
    rows: list[tuple[object, ...]] = []
    p_values: list[float] = []
    for name in names:
        then, now = reference[name], current[name]
        if min(then.len(), now.len()) < LEAST:
            rows.append((name, "", None, None, None, "insufficient", now.len(), then.len(), None, None))
            continue
        numeric = then.dtype.is_numeric()
        counted = _numeric(then.cast(pl.Float64), now.cast(pl.Float64)) if numeric else _categories(then, now)
        psi, p_value = _psi(counted)
        p_values.append(p_value)
        rows.append((name, "numeric" if numeric else "category", psi, counted.shift, p_value, "", now.len(), then.len(),
                     now.null_count() / now.len(), then.null_count() / then.len()))  # fmt: skip
    found = pl.DataFrame(rows, schema=VERDICTS, orient="row")
    cut = _benjamini_hochberg(np.array(p_values), FALSE_DISCOVERIES)
    big, sure = pl.col("psi") >= MINOR, pl.col("p_value") <= cut
    return found.with_columns(
        pl.when(pl.col("verdict") == "insufficient").then(pl.lit("insufficient"))
        .when(sure & (pl.col("psi") >= MAJOR)).then(pl.lit("drift"))
        .when(sure & big).then(pl.lit("minor")).when(sure | big).then(pl.lit("possible"))
        .otherwise(pl.lit("none")).alias("verdict")
    ).sort("psi", descending=True, nulls_last=True)  # fmt: skip


def _numeric(then: pl.Series, now: pl.Series) -> _Counted:
    before, after = _finite(then), _finite(now)
    if not before.size or not after.size:
        return _Counted(np.array([after.size, now.len() - after.size], float),
                        np.array([before.size, then.len() - before.size], float), None)  # fmt: skip
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = [
        np.append(np.bincount(np.searchsorted(edges, part, side="left"), minlength=edges.size + 1), total - part.size)
        for part, total in ((after, now.len()), (before, then.len()))
    ]
    spread = float(before.std())
    grid = np.linspace(0.005, 0.995, 100)
    moved = float(np.abs(np.quantile(after, grid) - np.quantile(before, grid)).mean())
    return _Counted(counts[0].astype(float), counts[1].astype(float), moved / spread if spread > 0 else None)


def _categories(then: pl.Series, now: pl.Series) -> _Counted:
    kept = then.drop_nulls().cast(pl.String).value_counts(sort=True).head(MOST_CATEGORIES)[then.name].to_list()

    def counts(part: pl.Series) -> npt.NDArray[np.float64]:
        text = part.drop_nulls().cast(pl.String)
        each = [int((text == value).sum()) for value in kept]
        return np.array([*each, text.len() - sum(each), part.null_count()], dtype=np.float64)

    return _Counted(counts(now), counts(then), None)


def _finite(part: pl.Series) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = part.drop_nulls().to_numpy()
    return values[np.isfinite(values)]


def _psi(counted: _Counted) -> tuple[float, float]:
    """PSI with half a count added to each bin that either has, and the p-value under no drift."""
    from scipy.stats import chi2

    used = (counted.now + counted.then) > 0
    now, then = counted.now[used] + 0.5, counted.then[used] + 0.5
    n, m = counted.now.sum(), counted.then.sum()
    p, q = now / now.sum(), then / then.sum()
    psi = float(((p - q) * np.log(p / q)).sum())
    freedom = int(used.sum()) - 1
    if freedom < 1:
        return psi, 1.0
    return psi, float(chi2.sf(psi / (1.0 / n + 1.0 / m), freedom))


def _benjamini_hochberg(p_values: npt.NDArray[np.float64], rate: float) -> float:
    """The largest p-value that is a discovery at this rate of false ones; -1 if none is."""
    if not p_values.size:
        return -1.0
    ordered = np.sort(p_values)
    below = ordered <= rate * np.arange(1, ordered.size + 1) / ordered.size
    return float(ordered[np.flatnonzero(below)[-1]]) if below.any() else -1.0
