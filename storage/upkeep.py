"""What a home needs from time to time, done by itself while logs are followed: merging, retention, backup, clean-up."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from storage import backup
from storage.compaction import compact, prune_commits, retain
from storage.errors import UnavailableError
from storage.home import DELTA_LOG
from storage.lake import Lake
from storage.ledger import Ledger
from storage.schema import TABLES

EVERY_S = 60.0
KEPT_ASIDE = timedelta(days=30)

_log = logging.getLogger("watchroom")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round of upkeep did."""

    merged: int
    removed_files: int
    expired_rows: Mapping[str, int]
    backup: Path | None


def keep_up(lake: Lake, keep_days: Mapping[str, float] | None = None) -> Kept:
    """One round: merge small segments, let old rows go, back the ledger up if today's copy is missing.

    Raises OSError, sqlite3.Error and UnavailableError; a round that was broken off is made up for by the next.
    """
    expired = retain(lake, keep_days) if keep_days else {}
    done = compact(lake)
    _keep_delta_up(lake)
    copy = backup.back_up(lake.home, lake.clock())
    prune_commits(lake)
    _clear_aside(lake)
    return Kept(done.merged, done.removed, expired, copy)


def keep_up_until(stop: threading.Event, lake: Lake, keep_days: Mapping[str, float] | None = None) -> None:
    """Rounds of upkeep on a connection of their own until told to stop. Trouble is logged and tried again."""
    mine = Lake(lake.home, Ledger(lake.home.ledger), lake.clock, lake.disk)
    while not stop.wait(EVERY_S):
        try:
            keep_up(mine, keep_days)
        except (OSError, sqlite3.Error, UnavailableError) as error:
            _log.warning("upkeep was put off: %s", error)
        except Exception:  # a defect must not end merging and backups for as long as the process lives
            _log.exception("upkeep failed")
    mine.ledger.close()


def _keep_delta_up(lake: Lake) -> None:
    """Bring the logs of Delta tables up to date, before files that they name go. A log that cannot be is only told."""
    if any((lake.home.lake / name / DELTA_LOG).is_dir() for name in TABLES):
        from storage import delta

        try:
            delta.keep_up(lake)
        except UnavailableError as error:
            _log.warning("%s", error)


def _clear_aside(lake: Lake) -> None:
    """Let damaged files go that nobody has asked for in a month."""
    if not lake.home.aside.is_dir():
        return
    before_s = (lake.clock() - KEPT_ASIDE).timestamp()
    for path in lake.home.aside.rglob("*"):
        if path.is_file() and path.stat().st_mtime < before_s:
            path.unlink(missing_ok=True)
