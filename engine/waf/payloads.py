"""What each request carries: the probability that its payload attacks, and the signals that say so.

requests -> distinct pieces -> units -> readings -> signals, model -> verdict a piece -> joined back to the requests
"""

from __future__ import annotations

import functools
import threading

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.waf.memo import Memo
from engine.waf.model import PayloadModel, Vector
from engine.waf.readings import readings
from engine.waf.signals import all_signals
from engine.waf.units import PIECE_COLUMNS, distinct_pieces, units_of

MARKS = {
    "is_sql": ("SQL injection",),
    "is_script": ("cross-site scripting",),
    "is_traversal": ("path traversal",),
    "is_sensitive": ("sensitive file",),
    "is_shell": ("web shell",),
    "is_admin": ("admin panel",),
    "is_info": ("technology probing",),
}
"""Flags of a request for the behaviour buckets, by the attack classes of the signals that set them."""
VERDICT = ("p", "hard_p", "attack", "signals", "unit", *MARKS)
"""`p`: the probability that a text attacks; `hard_p`: without its soft signals; `unit`: the part that says so."""
AIMS = ("sensitive file", "evasion")
"""What an attack is after or hides in; the attack is named by its means where there are both."""
SERVED = 0.3
"""What a soft signal still weighs when a browser or known robot was served what it asked for."""
Flags = npt.NDArray[np.bool_]


def signal_hits(read: pl.DataFrame) -> Flags:
    """Which signals each reading shows: one row a reading, one column a signal in the order of `all_signals`."""
    if read.is_empty():
        return np.zeros((0, len(all_signals())), dtype=np.bool_)
    hits = read.select(
        (pl.col("zone").is_in(signal.zones) & pl.col(signal.seen_in).str.contains(signal.pattern)).alias(signal.name)
        for signal in all_signals()
    )
    return hits.to_numpy()


def judged_readings(read: pl.DataFrame, model: PayloadModel) -> pl.DataFrame:
    """READING plus VERDICT for the readings that show at least one signal; all others carry nothing."""
    hits = signal_hits(read)
    shown = hits.any(axis=1)
    read, hits = read.filter(pl.Series(shown)), hits[shown]
    weights = model.signal_weights()
    sure = np.array([signal.sure for signal in all_signals()])
    hard = hits & ~np.array([signal.soft for signal in all_signals()])
    p, hard_p = (np.where(h.any(axis=1), _probability(h, weights, sure, model), 0.0) for h in (hits, hard))
    attacks = [signal.attack for signal in all_signals()]
    leading = np.array([0.4 if attack in AIMS else 1.0 for attack in attacks])
    strength = hits * (np.maximum(weights, 0.0) + 4.0 * sure + 0.01) * leading
    names = [signal.name for signal in all_signals()]
    ranked = np.argsort(-strength, axis=1)[:, :4]
    top = [[names[i] for i in row if hits[n, i]] for n, row in enumerate(ranked)]
    marks = {
        mark: hits[:, [i for i, attack in enumerate(attacks) if attack in of]].any(axis=1) for mark, of in MARKS.items()
    }
    return read.with_columns(
        pl.Series("p", p, dtype=pl.Float64),
        pl.Series("hard_p", hard_p, dtype=pl.Float64),
        pl.Series("attack", [attacks[row[0]] for row in ranked], dtype=pl.String),
        pl.Series("signals", top, dtype=pl.List(pl.String)),
        *(pl.Series(mark, values, dtype=pl.Boolean) for mark, values in marks.items()),
    )


def _probability(hits: Flags, weights: Vector, sure: Vector, model: PayloadModel) -> Vector:
    """One probability a row of `hits`: the model's, but at least the floor of the surest signal."""
    odds = (hits @ weights + model.intercept) * model.slope + model.offset
    fitted = 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))
    floor: Vector = (hits * sure).max(axis=1, initial=0.0)
    return np.maximum(fitted, floor)


def judged_pieces(pieces: pl.DataFrame, model: PayloadModel) -> pl.DataFrame:
    """`column`, `piece` and VERDICT for the pieces that show any signal; the worst unit speaks for its piece."""
    units = units_of(pieces)
    judged = judged_readings(readings(units.select("zone", "unit").unique(maintain_order=True)), model)
    rows = judged.select(pl.col("found_in").alias("zone"), "unit", "p", "hard_p", "attack", "signals", *MARKS)
    return (
        units.join(rows, on=["zone", "unit"], how="inner")
        .sort("p", "unit", descending=[True, False])
        .group_by("at", maintain_order=True)
        .agg(
            pl.col("column", "piece", "p", "attack", "signals", "unit").first(),
            pl.col("hard_p").max(),
            pl.col(*MARKS).any(),
        )
        .drop("at")
    )


_MEMORIES: dict[str, Memo] = {}
_MEMORY_LOCK = threading.Lock()


def _memory(model: PayloadModel) -> Memo:
    """The memory of verdicts given by `model`, one a model in this process."""
    key = model.fingerprint()
    with _MEMORY_LOCK:
        if key not in _MEMORIES:
            _MEMORIES.clear()
            _MEMORIES[key] = Memo(functools.partial(judged_pieces, model=model))
        return _MEMORIES[key]


def with_payloads(requests: pl.DataFrame, model: PayloadModel) -> pl.DataFrame:
    """`requests` with VERDICT of its worst piece: `p` 0 and no signals where nothing was shown."""
    verdicts = _memory(model)(distinct_pieces(requests))
    served = pl.col("status").is_between(200, 206) | (pl.col("status") == 304)
    at_home = served.fill_null(False) & (pl.col("is_browser") | pl.col("is_good_bot"))
    slim = requests.select("n", at_home.alias("at_home"), *PIECE_COLUMNS)
    long = pl.concat([
        slim.select("n", "at_home", pl.col(column).alias("piece")).join(
            verdicts.filter(pl.col("column") == column).drop("column"), on="piece", how="inner"
        ).drop("piece")
        for column in PIECE_COLUMNS
    ])  # fmt: skip
    soft_p = pl.max_horizontal("hard_p", pl.col("p") * SERVED)
    worst = (
        long.with_columns(pl.when("at_home").then(soft_p).otherwise(pl.col("p")).alias("p"))
        .sort("p", "unit", descending=[True, False])
        .group_by("n", maintain_order=True)
        .agg(pl.col("p", "attack", "signals", "unit").first(), pl.col(*MARKS).any())
    )
    joined = requests.join(worst, on="n", how="left", maintain_order="left")
    return joined.with_columns(pl.col("p").fill_null(0.0), pl.col(*MARKS).fill_null(False))
