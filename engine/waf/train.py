"""Fit the payload model on labelled requests whose licence allows it; `watchroom train` calls `train`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from engine.waf.model import PayloadModel
from engine.waf.payloads import signal_hits
from engine.waf.readings import readings
from engine.waf.signals import all_signals
from engine.waf.units import PIECE_COLUMNS, distinct_pieces, units_of
from storage.errors import InputError

LICENSED = ("crowdsec_appsec", "crs_regression", "gotestwaf", "httpparams", "libinjection", "nemesida_waf_bypass")
"""Data sets a shipped model may learn from. Others (blazehttp, modsec_learn_sqli, CSIC) are for testing alone."""
MAX_ROWS = 8_000
"""Requests a set and label; more of the same family teach nothing."""
PENALTY = 1.0
"""Inverse strength of the L2 penalty: of 1, 4 and 20 the value with the fewest alarms on sets not learnt from."""


def labelled(data: Path, sets: Sequence[str] = LICENSED, half: str = "public") -> pl.DataFrame:
    """Requests with `set` and `attack` (bool) from `data`/SET/`half`/requests.parquet. Raises InputError for none.

    What crs_regression calls benign only says that one rule must not fire; it is left out, as are its rules above
    paranoia level 1, which fire on much that is only odd.
    """
    frames = []
    for name in sets:
        path = data / name / half / "requests.parquet"
        if not path.exists():
            continue
        frame = _read(path)
        if "paranoia_level" in frame.columns:
            frame = frame.filter((pl.col("label") == "attack") & (pl.col("paranoia_level") == 1))
        for part in frame.partition_by("label", maintain_order=True):
            sample = part.sample(min(part.height, MAX_ROWS), seed=1)
            frames.append(_as_requests(sample, pl.lit(name), pl.col("label") == "attack"))
    if not frames:
        raise InputError(f"no labelled requests in {data}; expected e.g. {sets[0]}/{half}/requests.parquet in it")
    return pl.concat(frames)


def _read(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as Parquet ({type(error).__name__})") from None
    if "label" not in frame.columns:
        raise InputError(f"{path} has no column label (attack or benign)")
    return frame


def _as_requests(frame: pl.DataFrame, name: pl.Expr, attack: pl.Expr) -> pl.DataFrame:
    texts = [
        (pl.col(c).replace("", None) if c in frame.columns else pl.lit(None, dtype=pl.String)).alias(c)
        for c in PIECE_COLUMNS
    ]
    return frame.select(name.alias("set"), attack.alias("attack"), *texts)


def train(data: Path, sets: Sequence[str] = LICENSED, own: pl.DataFrame | None = None) -> PayloadModel:
    """The payload model fitted on `sets` in `data` and on a site's `own` requests (PIECE_COLUMNS and `attack`).

    The same data give the same model. Raises InputError where there are no data.
    """
    from sklearn.linear_model import LogisticRegression

    requests = labelled(data, sets)
    if own is not None and own.height:
        requests = pl.concat([requests, _as_requests(own, pl.lit("own"), pl.col("attack"))])
    requests = requests.with_row_index("n")
    units = units_of(distinct_pieces(requests))
    read = readings(units.select("zone", "unit").unique(maintain_order=True)).with_row_index("reading")
    hits = signal_hits(read)
    rows = _rows(requests, units, read.with_columns(pl.Series("shown", hits.any(axis=1))))
    x, y = hits[rows["reading"].to_numpy()].astype(np.float64), rows["attack"].to_numpy()
    if y.all() or not y.any():
        raise InputError("a model learns from attacks and from honest requests; these sets hold only one of them")
    fit = LogisticRegression(C=PENALTY, solver="liblinear", max_iter=400)
    fit.fit(x, y, sample_weight=rows["weight"].to_numpy())
    return PayloadModel(
        signals={s.name: float(w) for s, w in zip(all_signals(), fit.coef_[0], strict=True)},
        intercept=round(float(fit.intercept_[0]), 6),
        data_sha256=hashlib.sha256(requests.drop("n").write_csv().encode()).hexdigest(),
        trained_on={str(name): int(count) for name, count in requests.group_by("set").len().sort("set").rows()},
    )


def _rows(requests: pl.DataFrame, units: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Distinct readings with their label and weight; of an attack with several units only those that show something.

    Each set and label weighs as the root of its size, attacks and honest requests the same in all.
    """
    pieces = pl.concat(
        requests.select("n", "set", "attack", pl.lit(c).alias("column"), pl.col(c).alias("piece"))
        for c in PIECE_COLUMNS
    ).drop_nulls("piece")
    rows = pieces.join(units, on=["column", "piece"]).join(
        read.select("reading", "shown", pl.col("found_in").alias("zone"), "unit"), on=["zone", "unit"]
    )
    rows = rows.filter(~pl.col("attack") | pl.col("shown") | (pl.len().over("n") == 1))
    rows = rows.unique(["reading", "attack"], keep="any", maintain_order=False).sort("reading", "attack")
    rows = rows.with_columns((1.0 / pl.len().over("set", "attack").sqrt()).alias("weight"))
    share = pl.col("weight") / pl.col("weight").sum().over("attack")
    return rows.with_columns((share * pl.len() * 0.1).alias("weight"))
