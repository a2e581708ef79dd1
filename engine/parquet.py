"""Predictions and labels of models that run elsewhere, landed from Parquet.

The columns are named as in the lake. A file with `score` or `flagged` holds predictions, one with `truth` labels, one
with both a prediction and its label in each row (`label_ts` says when it was labelled; else `ts` does). Columns of no
table are the prediction's features. A file lands once, whatever its name: its content's hash is in the event log.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from engine.actor import Actor
from storage.audit import append
from storage.clock import rfc3339
from storage.errors import InputError
from storage.lake import Lake
from storage.schema import LABELS, PREDICTIONS, TIME

SUFFIXES = (".parquet", ".pq")
KIND = "parquet.landed"
NEEDED = ("ts", "model", "subject")
_TIMES = ("ts", "label_ts", "window_start", "window_end")


def is_parquet(path: str | Path) -> bool:
    """Whether a path names a Parquet file."""
    return Path(path).suffix.lower() in SUFFIXES


def land(lake: Lake, path: Path, actor: Actor) -> dict[str, int]:
    """Land a file; its rows by table, nothing if its content landed before. Raises InputError naming what is wrong."""
    frames = _frames(path)
    content = _sha256(path)
    counts = {name: frame.height for name, frame in frames.items()}
    if not any(counts.values()) or _has_landed(lake, content):
        return {}

    def log(connection: sqlite3.Connection, _commit: int) -> None:
        if connection.execute(_KNOWN, (KIND, content)).fetchone() is not None:
            raise _AlreadyLandedError
        append(connection, actor, ts=rfc3339(lake.clock()), kind=KIND, subject=content,
               body={"file": path.name, **counts})  # fmt: skip

    try:
        lake.append(frames, kind="land", also=log)
    except _AlreadyLandedError:
        return {}
    return counts


class _AlreadyLandedError(Exception):
    """Another process landed the same content at the same moment."""


_KNOWN = "SELECT 1 FROM event WHERE kind = ? AND subject = ?"


def _has_landed(lake: Lake, content: str) -> bool:
    with lake.ledger.read() as connection:
        return connection.execute(_KNOWN, (KIND, content)).fetchone() is not None


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _frames(path: Path) -> dict[str, pl.DataFrame]:
    try:
        rows = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    has_predictions, has_labels = {"score", "flagged"} & set(rows.columns), "truth" in rows.columns
    if not has_predictions and not has_labels:
        raise InputError(
            f"{path} holds neither predictions (column score) nor labels (column truth), but {', '.join(rows.columns)}"
        )
    for name in NEEDED:
        if name not in rows.columns:
            near = get_close_matches(name, rows.columns, n=1)
            raise InputError(f"{path} lacks the column {name}" + (f"; rename {near[0]}?" if near else ""))
    rows = rows.with_columns(_moment(path, name, rows[name].dtype) for name in _TIMES if name in rows.columns)
    frames = {}
    if has_predictions:
        frames["predictions"] = PREDICTIONS.conform(_with_features(rows))
    if has_labels:
        said = rows.filter(pl.col("truth").is_not_null()) if has_predictions else rows
        said = said.with_columns(pl.coalesce(pl.col("^label_ts$"), pl.col("ts")).alias("ts"))
        frames["labels"] = LABELS.conform(said)
    return frames


def _moment(path: Path, name: str, kind: pl.DataType) -> pl.Expr:
    """A column of times in UTC, from times with or without a zone (UTC) or RFC 3339 text."""
    column = pl.col(name)
    if kind == pl.String:
        return column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    if isinstance(kind, pl.Datetime):
        return (column.dt.replace_time_zone("UTC") if kind.time_zone is None else column).cast(TIME)
    if kind == pl.Null:
        return column.cast(TIME)
    raise InputError(f"{path}: column {name} holds {kind}, not times")


def _with_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns of no table as the JSON of `features`."""
    own = {*PREDICTIONS.columns, *LABELS.columns, "label_ts", "event"}
    others: Sequence[str] = [name for name in rows.columns if name not in own]
    if not others or "features" in rows.columns:
        return rows
    return rows.with_columns(pl.struct(others).struct.json_encode().alias("features"))
