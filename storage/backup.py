"""Copies of the ledger, made by SQLite itself while others write, one a day, seven kept."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from pathlib import Path

from storage.disk import Disk
from storage.home import Home

KEPT = 7


def back_up(home: Home, now: datetime) -> Path | None:
    """Copy the ledger if today's copy is not there yet; returns it, or None if there was nothing to do.

    Raises OSError and sqlite3.Error; an unfinished copy is never taken for one.
    """
    home.backups.mkdir(mode=0o700, exist_ok=True)
    target = home.backups / f"ledger-{now:%Y-%m-%d}.sqlite3"
    if target.exists():
        return None
    pending = target.with_suffix(".pending")
    pending.unlink(missing_ok=True)
    source = sqlite3.connect(f"file:{home.ledger}?mode=ro", uri=True)
    copy = sqlite3.connect(pending)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
        source.close()
    with pending.open("rb") as handle:
        os.fsync(handle.fileno())
    pending.rename(target)
    Disk().sync_folder(home.backups)
    for old in copies(home)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def copies(home: Home) -> list[Path]:
    """The copies there are, newest first."""
    return sorted(home.backups.glob("ledger-*.sqlite3"), reverse=True) if home.backups.is_dir() else []


def is_sound(path: Path) -> bool:
    """Whether SQLite finds a ledger file whole."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
        finally:
            connection.close()
    except sqlite3.Error:
        return False
