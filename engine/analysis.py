"""Logs judged without a home: read, judge, forget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import polars as pl

from engine.detector import load, names
from engine.packed import Packed
from engine.pipeline import Stamp
from engine.pipeline import predictions as judged
from storage.manner import Manner
from storage.parsing import Frames
from storage.read import read_events
from storage.schema import PREDICTIONS, TABLES, table


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analysis found: predictions of all models, how many rows of each table were read, and what was not."""

    predictions: pl.DataFrame
    rows_read: dict[str, int]
    models: tuple[str, ...]
    notices: tuple[str, ...] = ()

    @property
    def flagged(self) -> int:
        """Number of flagged subjects."""
        return int(self.predictions["flagged"].sum())

    def narration(self) -> list[str]:
        """What was read and found, a line each, for stderr."""
        read = ", ".join(f"{n:,} {name}" for name, n in self.rows_read.items() if n) or "no rows"
        lines = [*self.notices, f"read {read}; {self.predictions.height:,} verdicts, {self.flagged:,} flagged"]
        rejects = self.rows_read.get("rejects", 0)
        if rejects:
            lines.append(f"{rejects:,} lines could not be read; `watchroom formats test FILE` shows them")
        return lines


def analyze(paths: Sequence[str | Path], format_name: str | None, *, models: Sequence[str] = (),
            threshold: float | None = None, manner: Manner | None = None) -> Analysis:  # fmt: skip
    """Judge the logs at `paths` with `models` (all by default) whose table they fill.

    `manner` tells the zone of times that name none, and names of JSON keys.

    Raises InputError for what was named and cannot be read, and UsageError for a model that is not there. A file of a
    folder or glob that is no log is passed over with a notice.
    """
    chosen = [load(name) for name in (models or names())]
    events = {name: Packed(table(name)) for name in sorted({detector.table for detector in chosen})}
    notices: list[str] = []
    rows_read = _collect(read_events(paths, format_name, manner=manner, on_notice=notices.append), events)
    predictions = []
    for kind in chosen:
        if not events[kind.table].height:
            continue
        config = kind.defaults() | ({} if threshold is None else {"threshold": threshold})
        stamp = Stamp("analysis", None, uuid4().hex[:12])
        predictions += list(judged(kind.configured(config), events[kind.table].between, stamp))
    whole = pl.concat(predictions) if predictions else PREDICTIONS.empty()
    return Analysis(whole, rows_read, tuple(d.name for d in chosen), tuple(notices))


def _collect(batches: Iterable[Frames], events: Mapping[str, Packed]) -> dict[str, int]:
    """Fill the tables `events` from all logs; how many rows of every table there were."""
    rows_read = dict.fromkeys(TABLES, 0)
    for batch in batches:
        for name, frame in batch.items():
            rows_read[name] += frame.height
            if name in events:
                events[name].add(frame)
    return rows_read
