"""Settled events to predictions; the only caller of detectors, and the only place where a threshold is applied.

    events --detector--> scores --threshold--> predictions --one commit with the watermark--> the lake

A step looks at what was committed since the last one. It judges every subject whose verdict is final by now and that
has no verdict yet, so a step that dies is repeated and one that runs twice adds nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import duckdb
import polars as pl

from engine.detector import VERDICT, Detector, load, names
from engine.registry import Deployment
from engine.slices import ROWS, Slice, Source, slices
from storage.clock import parse_rfc3339, rfc3339
from storage.errors import ConflictError
from storage.lake import Lake, Segment, Snapshot
from storage.schema import PREDICTIONS

ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)
"""A settled-through time that says that nothing will follow."""

SettledThrough = Callable[[str], datetime | None]
"""Event time up to which table NAME is known to be complete; None while nothing is known."""


ALL = Slice(None, None)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which deployment speaks: what is written beside each score."""

    environment: str
    config_revision: int | None
    run_id: str
    version: str | None = None
    """The registered version; None for the detector's own."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of one model did."""

    model: str
    judged: int
    flagged: int
    analysis_ms: float


def predict(detector: Detector, events: pl.LazyFrame, stamp: Stamp, window: Slice = ALL) -> pl.DataFrame:
    """The detector's predictions on the subjects of `events` (schema PREDICTIONS), in order of time and subject.

    Only windows of the slice `window` are told. `analysis_ms` is the run's time shared evenly among its subjects.
    """
    began = time.perf_counter()
    scored = detector.score(detector.features(events, window.begin).filter(window.holds()))
    names = [n for n in scored.collect_schema().names() if n not in VERDICT]
    as_json = pl.struct(names).struct.json_encode() if names else pl.lit("{}")
    rows = scored.select(*VERDICT, as_json.alias("features")).collect(engine="in-memory")
    analysis_ms = (time.perf_counter() - began) * 1000.0 / max(rows.height, 1)
    threshold = float(detector.settings.threshold)
    judged = rows.with_columns(
        pl.col("score").cast(pl.Float64).fill_nan(0.0).fill_null(0.0).clip(0.0, 1.0),
        pl.lit(detector.name).alias("model"),
        pl.lit(stamp.version or detector.version).alias("version"),
        pl.lit(stamp.environment).alias("environment"),
        pl.lit(stamp.config_revision, dtype=pl.Int64).alias("config_revision"),
        pl.col("window_end").alias("ts"),
        pl.lit(threshold).alias("threshold"),
        pl.lit(analysis_ms).alias("analysis_ms"),
        pl.lit(stamp.run_id).alias("run_id"),
    ).with_columns((pl.col("score") >= threshold).alias("flagged"))
    return PREDICTIONS.conform(_with_ids(judged)).sort("ts", "subject", "window_start")


def predictions(detector: Detector, source: Source, stamp: Stamp) -> Iterator[pl.DataFrame]:
    """`predict` for a log of any length, slice by slice in event time; memory follows the busiest hour."""
    for window in slices(detector, source, None):
        yield predict(detector, window.events(detector, source), stamp, window)


def _with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """`prediction_id` = md5 of model, version, subject and window start: the same verdict has the same id anywhere."""
    key = rows.select(
        pl.concat_str("model", "version", "subject", pl.col("window_start").dt.epoch("us").cast(pl.String),
                      separator="\x1f").alias("key")
    )  # fmt: skip
    with duckdb.connect() as connection:
        connection.register("keys", key.to_arrow())
        ids = pl.from_arrow(connection.sql("SELECT md5(key) AS id FROM keys").to_arrow_table())
    assert isinstance(ids, pl.DataFrame)
    return rows.with_columns(ids["id"].alias("prediction_id"))


class Pipeline:
    """Runs the deployed detectors of one environment over a lake, step by step."""

    def __init__(
        self, lake: Lake, environment: str = "production", *, rest: float = 0.0, slice_rows: int = ROWS
    ) -> None:  # fmt: skip
        """A model whose step took some time is left alone for `rest` times as long, so that judging keeps its share.

        More new events than `slice_rows` are judged and committed slice by slice (`engine/slices.py`).
        """
        self.lake = lake
        self.slice_rows = slice_rows
        self.environment = environment
        self.rest = rest
        self._rests_until_s: dict[str, float] = {}
        self.run_id = uuid4().hex[:12]
        self._idle: set[str] = set()
        """Models for which nothing waits to settle, as far as this process has looked."""

    def step(self, deployments: list[Deployment], settled_through: SettledThrough) -> list[Step]:
        """Judge what has become final, for every deployment of this environment whose detector runs here."""
        mine = [d for d in deployments if d.environment == self.environment and d.model in names()]
        return [self._judge(deployment, settled_through) for deployment in mine]

    def drain(self, deployments: list[Deployment]) -> list[Step]:
        """Judge everything that is left, as nothing will follow."""
        return self.step(deployments, lambda _table: ENDLESS)

    def _judge(self, deployment: Deployment, settled_through: SettledThrough) -> Step:
        detector = load(deployment.model).configured(deployment.config)
        look = self._look(detector, settled_through(detector.table))
        if look is None:
            return Step(detector.name, 0, 0, 0.0)
        began = time.perf_counter()
        stamp = Stamp(self.environment, deployment.config_revision, self.run_id, deployment.version)
        source = partial(self._events, detector, look.snapshot)
        judged, flagged, latest = 0, 0, look.mark.judged_through
        for window in self._windows(detector, source, look):
            final = self._final(
                detector, predict(detector, window.events(detector, source), stamp, window), look, window
            )
            judged, flagged = judged + final.height, flagged + int(final["flagged"].sum())
            ended = final["window_end"].max()
            latest = _later(latest, ended if isinstance(ended, datetime) else None)
            if window.stop is not None:
                self._commit(final, look.mark, look.mark.commit_id, look.mark.judged_through)
            elif judged or look.fresh:
                reached = latest if look.through >= ENDLESS else _later(look.through, latest)
                self._commit(final, look.mark, look.snapshot.commit_id, reached)
            del final  # a slice of verdicts is a quarter of a gigabyte: not beside the next one
        took_s = time.perf_counter() - began
        self._rests_until_s[detector.name] = began + took_s * (1.0 + self.rest)
        return Step(detector.name, judged, flagged, took_s * 1000.0)

    def _look(self, detector: Detector, through: datetime | None) -> _Look | None:
        """What there is to judge up to `through`; None while the model rests, or nothing can have become final."""
        if through is None or time.perf_counter() < self._rests_until_s.get(detector.name, 0.0):
            return None
        snapshot, mark = self.lake.snapshot(), self._watermark(detector.name)
        fresh = snapshot.of(detector.table, after_commit=mark.commit_id)
        if not fresh and detector.name in self._idle:
            return None
        low = _earliest(fresh, mark, detector)
        if low is not None and detector.grid is not None and _nothing_ended(low, through, detector, detector.grid):
            self._idle.discard(detector.name)
            return None
        return _Look(snapshot, mark, fresh, low, through)

    def _windows(self, detector: Detector, source: Source, look: _Look) -> Iterator[Slice]:
        """The slices in which to judge: one, unless very much is new."""
        if sum(segment.row_count for segment in look.fresh) <= self.slice_rows:
            return iter([Slice(look.low, None)])
        return iter(slices(detector, source, look.low, rows=self.slice_rows))

    def _final(self, detector: Detector, told: pl.DataFrame, look: _Look, window: Slice) -> pl.DataFrame:
        """Those of the verdicts `told` that nothing can change any more, and that were not given before."""
        final = told.filter(pl.col("window_end") <= look.through - detector.settle)
        (self._idle.add if final.height == told.height else self._idle.discard)(detector.name)
        known = self._known(detector, look.snapshot, window)
        return final.join(known, on=["subject", "window_start"], how="anti")

    def _events(
        self, detector: Detector, snapshot: Snapshot, since: datetime | None, until: datetime | None
    ) -> pl.LazyFrame:
        return self.lake.scan(detector.table, since=since, until=until, snapshot=snapshot)

    def _known(self, detector: Detector, snapshot: Snapshot, window: Slice) -> pl.DataFrame:
        """What has a verdict here, of whatever version, among those of a slice."""
        mine = (pl.col("model") == detector.name) & (pl.col("environment") == self.environment)
        given = self.lake.scan("predictions", since=window.begin, until=window.stop, snapshot=snapshot).filter(mine)
        return given.select("subject", "window_start").collect()

    def _watermark(self, model: str) -> _Mark:
        with self.lake.ledger.read() as connection:
            row = connection.execute(
                "SELECT commit_id, judged_through FROM watermark WHERE model = ? AND environment = ?",
                (model, self.environment),
            ).fetchone()
        if row is None:
            return _Mark(model, 0, None)
        through = row["judged_through"]
        return _Mark(model, row["commit_id"], parse_rfc3339(through) if through else None)

    def _commit(self, rows: pl.DataFrame, mark: _Mark, commit_id: int, through: datetime | None) -> None:
        """Predictions and watermark in one transaction; a second judge of the same rows loses and writes nothing."""

        def advance(connection: sqlite3.Connection, _commit: int) -> None:
            values = (commit_id, rfc3339(through) if through else None, rfc3339(self.lake.clock()))
            done = connection.execute(
                "INSERT INTO watermark (commit_id, judged_through, updated_ts, model, environment)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (model, environment) DO UPDATE SET commit_id = excluded.commit_id,"
                " judged_through = excluded.judged_through, updated_ts = excluded.updated_ts"
                " WHERE watermark.commit_id = ?",
                (*values, mark.model, self.environment, mark.commit_id),
            )
            if done.rowcount != 1:
                raise ConflictError(f"another process judged {mark.model} in {self.environment} at the same moment")

        frames: Mapping[str, pl.DataFrame] = {"predictions": rows} if rows.height else {}
        self.lake.append(frames, kind="judge", also=advance)


@dataclass(frozen=True, slots=True)
class _Mark:
    model: str
    commit_id: int
    judged_through: datetime | None


@dataclass(frozen=True, slots=True)
class _Look:
    """What one step looks at: the lake at one moment, what is `fresh` in it since the `mark`, and between which times.

    `low`: before it no verdict can be missing (None: everything must be looked at); `through`: what ended before it
    and has settled is final.
    """

    snapshot: Snapshot
    mark: _Mark
    fresh: Sequence[Segment]
    low: datetime | None
    through: datetime


def _earliest(fresh: Sequence[Segment], mark: _Mark, detector: Detector) -> datetime | None:
    """Before this moment no verdict can be missing; None means that everything must be looked at."""
    starts = [s.min_ts for s in fresh]
    if mark.judged_through is None or any(s is None for s in starts):
        return None
    moments = [parse_rfc3339(s) for s in starts if s is not None] + [mark.judged_through]
    return min(moments) - detector.settle


def _nothing_ended(low: datetime, through: datetime, detector: Detector, grid: timedelta) -> bool:
    """Whether no window on the grid ends from `low` on and is final by now."""
    first = low + (ENDLESS - low) % grid
    return first > through - detector.settle


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((t for t in (one, other) if t is not None), default=None)
