"""Do all systems work? Each is tried, not asked: a detector judges made events, a view answers, the log is checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine import detector
from engine.cleanup import check_integrity
from storage.errors import WatchroomError
from storage.schema import TABLES
from storage.sql import views

if TYPE_CHECKING:
    from engine.room import Room

LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class System:
    """One system: ok, warning or failed, and why."""

    name: str
    state: str
    detail: str


def verify_systems(room: Room) -> list[System]:
    """Try every system of a home; never raises for one that fails."""
    return [
        *(_tried(f"detector {name}", partial(_detector, name)) for name in detector.names()),
        _tried("registry", lambda: _registry(room)),
        _tried("event log and code", lambda: _integrity(room)),
        _tried("lake and views", lambda: _views(room)),
        _tried("disk", lambda: _disk(room)),
        _tried("configuration", lambda: _configuration(room)),
        *_jobs(room),
    ]


def _tried(name: str, check: Callable[[], System | str]) -> System:
    try:
        found = check()
    except WatchroomError as error:
        return System(name, "failed", str(error))
    except Exception as error:
        return System(name, "failed", f"{type(error).__name__}: {error}")
    return found if isinstance(found, System) else System(name, "ok", found)


def _detector(name: str) -> str:
    """Both steps on an empty table: the code loads, its models load, its columns are there."""
    kind = detector.load(name)
    judge = kind.configured({})
    columns = judge.score(judge.features(TABLES[kind.table].empty().lazy())).collect().columns
    missing = set(detector.VERDICT) - set(columns)
    if missing:
        raise RuntimeError(f"its verdicts lack {', '.join(sorted(missing))}")
    return f"{kind.version}, reads {kind.table}, alert under {kind.alert_accuracy:.0%} accuracy"


def _registry(room: Room) -> System | str:
    running = {(d.model, d.environment) for d in room.registry.deployed()}
    known = {model.name for model in room.registry.models()}
    absent = [name for name in detector.names() if name not in known]
    if absent:
        return System("registry", "warning", f"not registered: {', '.join(absent)}; `watchroom register-all-models`")
    idle = [name for name in sorted(known) if (name, "production") not in running]
    if idle:
        return System("registry", "warning", f"not in production: {', '.join(idle)}; `watchroom deploy-to-production`")
    return f"{len(known)} models, {len(running)} deployments"


def _integrity(room: Room) -> System | str:
    wrong = check_integrity(room.ledger)
    return System("event log and code", "failed", "; ".join(wrong)) if wrong else "as they were written down"


def _views(room: Room) -> str:
    rows = room.reader.query("SELECT count(*) AS n FROM performance_now").item()
    return f"{len(views())} views, {rows} models seen through them"


def _disk(room: Room) -> System | str:
    free = shutil.disk_usage(room.home.path).free
    writable = os.access(room.home.path, os.W_OK)
    words = f"{free / 1e9:.1f} GB free at {room.home.path}"
    if not writable:
        return System("disk", "failed", f"{room.home.path} cannot be written")
    return System("disk", "warning", words) if free < LOW_DISK_BYTES else words


def _configuration(room: Room) -> System | str:
    from engine.config_file import validate

    problems = validate(room.home.config)
    if problems:
        return System("configuration", "failed", str(problems[0]))
    return str(room.home.config) if room.home.config.is_file() else "defaults"


def _jobs(room: Room) -> Iterator[System]:
    """How the periodic jobs go."""
    health = room.reader.query("SELECT * FROM job_health")
    if health.is_empty():
        yield System("scheduler", "warning", "no job has run yet; `watchroom run` runs them")
    for row in health.iter_rows(named=True):
        bad = row["consecutive_failures"] > 0
        words = row["last_error"] if bad else f"last {row['last_outcome'] or 'never'}"
        yield System(f"job {row['job']}", "failed" if row["consecutive_failures"] >= 3 else "warning" if bad else "ok",
                     str(words))  # fmt: skip
