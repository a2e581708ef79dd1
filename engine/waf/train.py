"""Fit the payload model on labelled requests whose licence allows it; `watchroom train` calls `train`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl

from engine.waf.model import PayloadModel
from engine.waf.payloads import signal_hits
from engine.waf.readings import readings
from engine.waf.units import PIECE_COLUMNS, distinct_pieces, units_of
from storage.errors import InputError

LICENSED = ("crowdsec_appsec", "crs_regression", "gotestwaf", "httpparams", "libinjection", "nemesida_waf_bypass")
"""Data sets a shipped model may learn from. Others (blazehttp, modsec_learn_sqli, CSIC) are for testing alone."""
MAX_ROWS = 8_000
"""Requests a set and label; more of the same family teach nothing."""


def labelled(data: Path, sets: tuple[str, ...] = LICENSED, half: str = "public") -> pl.DataFrame:
    """Requests with `set` and `attack` (bool) from `data`/SET/`half`/requests.parquet. Raises InputError for none."""
    frames = []
    for name in sets:
        path = data / name / half / "requests.parquet"
        if not path.exists():
            continue
        frame = pl.read_parquet(path)
        if name == "crs_regression":  # its benign rows only say that one rule must not fire
            frame = frame.filter((pl.col("label") == "attack") & (pl.col("paranoia_level") == 1))
        for label, part in frame.partition_by("label", as_dict=True).items():
            texts = [pl.when(pl.col(c) != "").then(pl.col(c)).alias(c) if c in part.columns else pl.lit(None, dtype=pl.String).alias(c) for c in PIECE_COLUMNS]
            frames.append(part.sample(min(part.height, MAX_ROWS), seed=1).select(pl.lit(name).alias("set"), pl.lit(label[0] == "attack").alias("attack"), *texts))
    if not frames:
        raise InputError(f"no labelled requests in {data}; expected {', '.join(sets)}/{half}/requests.parquet")
    return pl.concat(frames).with_row_index("n")


def train(data: Path, sets: tuple[str, ...] = LICENSED) -> PayloadModel:
    """The payload model fitted on `sets` in `data`. The same data give the same model. Raises InputError for no data."""
    from sklearn.linear_model import LogisticRegression

    requests = labelled(data, sets)
    units = units_of(distinct_pieces(requests))
    read = readings(units.select("zone", "unit").unique(maintain_order=True)).with_row_index("reading")
    hits = signal_hits(read)
    rows = _rows(requests, units, read.with_columns(pl.Series("shown", hits.any(axis=1))))
    x, y = hits[rows["reading"].to_numpy()].astype(np.float64), rows["attack"].to_numpy()
    weight = rows["weight"].to_numpy()
    fitted = LogisticRegression(C=1.0, solver="liblinear", max_iter=400).fit(x, y, sample_weight=weight)
    from engine.waf.signals import all_signals

    return PayloadModel(
        signals={s.name: float(w) for s, w in zip(all_signals(), fitted.coef_[0], strict=True)},
        intercept=float(fitted.intercept_[0]),
        data_sha256=_digest(requests),
        trained_on={str(name): int(count) for name, count in requests.group_by("set").len().sort("set").rows()},
    )


def _rows(requests: pl.DataFrame, units: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Distinct readings with their label and weight; of an attack with several units only those that show something."""
    pieces = pl.concat(
        [requests.select("n", "set", "attack", pl.lit(c).alias("column"), pl.col(c).alias("piece")) for c in PIECE_COLUMNS]
    ).drop_nulls("piece")
    rows = pieces.join(units, on=["column", "piece"]).join(
        read.select("reading", "shown", pl.col("found_in").alias("zone"), "unit"), on=["zone", "unit"]
    )
    rows = rows.filter(~pl.col("attack") | pl.col("shown") | (pl.len().over("n") == 1))
    rows = rows.unique(["reading", "attack"], maintain_order=True).sort("reading", "attack")
    a_set = 1.0 / pl.len().over("set", "attack").sqrt()
    rows = rows.with_columns(a_set.alias("weight"))
    a_side = pl.col("weight") / pl.col("weight").sum().over("attack") * pl.len() * 0.1
    return rows.with_columns(a_side.alias("weight"))


def _digest(requests: pl.DataFrame) -> str:
    """SHA-256 of what was learnt from."""
    return hashlib.sha256(requests.drop("n").write_csv().encode()).hexdigest()
