"""Logs judged without a home: read, judge, forget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import polars as pl

from engine.detector import load, names
from engine.pipeline import Stamp
from engine.pipeline import predictions as judged
from storage.inputs import expand
from storage.manner import Manner
from storage.parsing import Frames
from storage.read import read_events
from storage.schema import PREDICTIONS, TABLES, table


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analysis found: predictions of all models, and how many rows of each table were read."""

    predictions: pl.DataFrame
    rows_read: dict[str, int]
    models: tuple[str, ...]

    @property
    def flagged(self) -> int:
        """Number of flagged subjects."""
        return int(self.predictions["flagged"].sum())

    def narration(self) -> list[str]:
        """What was read and found, a line each, for stderr."""
        read = ", ".join(f"{n:,} {name}" for name, n in self.rows_read.items() if n) or "no rows"
        lines = [f"read {read}; {self.predictions.height:,} verdicts, {self.flagged:,} flagged"]
        rejects = self.rows_read.get("rejects", 0)
        if rejects:
            lines.append(f"{rejects:,} lines could not be read; `watchroom formats test FILE` shows them")
        return lines


def analyze(paths: Sequence[str | Path], format_name: str | None, *, models: Sequence[str] = (),
            threshold: float | None = None, manner: Manner | None = None) -> Analysis:  # fmt: skip
    """Judge the logs at `paths` with `models` (all by default) whose table they fill.

    `manner` tells the zone of times that name none, and names of JSON keys.

    Raises InputError for what cannot be read and UsageError for a model that is not there.
    """
    chosen = [load(name) for name in (models or names())]
    wanted = {detector.table for detector in chosen}
    events, rows_read = _collect(read_events(expand(paths), format_name, manner=manner), wanted)
    predictions = []
    for kind in chosen:
        frame = events.get(kind.table)
        if frame is None or frame.is_empty():
            continue
        config = kind.defaults() | ({} if threshold is None else {"threshold": threshold})
        stamp = Stamp("analysis", None, uuid4().hex[:12])
        predictions += list(judged(kind.configured(config), partial(_between, frame), stamp))
    whole = pl.concat(predictions) if predictions else PREDICTIONS.empty()
    return Analysis(whole, rows_read, tuple(d.name for d in chosen))


def _between(events: pl.DataFrame, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    """Events with `since <= ts < until`; rows without a time only where both ends are open."""
    frame = events.lazy() if since is None else events.lazy().filter(pl.col("ts") >= since)
    return frame if until is None else frame.filter(pl.col("ts") < until)


def _collect(batches: Iterable[Frames], wanted: set[str]) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    """The wanted tables' rows of all logs, and how many rows of every table there were."""
    parts: dict[str, list[pl.DataFrame]] = {}
    rows_read = dict.fromkeys(TABLES, 0)
    for batch in batches:
        for name, frame in batch.items():
            rows_read[name] += frame.height
            if name in wanted:
                parts.setdefault(name, []).append(table(name).conform(frame))
    return {name: pl.concat(frames) for name, frames in parts.items()}, rows_read
