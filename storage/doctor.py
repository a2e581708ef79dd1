"""The doctor: finds what a crash, a failing disk or a hand has done to a home, and mends it without losing more.

Nothing is ever deleted but unfinished writes: damaged and unclaimed files are kept in `aside/`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from storage import backup, rebuild, sources
from storage.clock import Clock, rfc3339, utc_now
from storage.errors import UnavailableError
from storage.home import Home, set_aside
from storage.lake import Lake
from storage.ledger import Ledger
from storage.masking import Masking
from storage.reland import ranges_of, reland
from storage.segments import PENDING_SUFFIX, checksum_file

ORPHAN_AGE_S = 600.0
"""A file without a ledger row may be a commit under way; older than this it is not."""

_log = logging.getLogger("watchroom")


@dataclass(frozen=True, slots=True)
class Broken:
    """A live segment that cannot be read as it was written."""

    id: int
    path: Path
    table_name: str
    row_count: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a home. `lost_rows` counts rows of live segments that cannot be read any more."""

    ledger: str | None = None
    broken: tuple[Broken, ...] = ()
    orphans: tuple[Path, ...] = ()
    pending: tuple[Path, ...] = ()
    segments: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return self.ledger is None and not (self.broken or self.orphans or self.pending)

    @property
    def lost_rows(self) -> int:
        """Rows that cannot be read any more, unless they can be landed again."""
        return sum(item.row_count for item in self.broken)

    def lines(self) -> list[str]:
        """The findings, one line each."""
        said = [f"the ledger is damaged: {self.ledger}"] if self.ledger else []
        said += [f"{b.path.name} ({b.table_name}, {b.row_count} rows): {b.trouble}" for b in self.broken]
        if self.orphans:
            said.append(f"{_count(self.orphans, 'file')} that no commit names")
        if self.pending:
            said.append(_count(self.pending, "unfinished write"))
        return said or [f"sound: {self.segments} segments"]


@dataclass(slots=True)
class Report:
    """What was found and what was done about it.

    Gone for good are `lost_rows`, and the rows of `lost_bytes` where nobody can count them any more.
    """

    findings: Findings
    done: list[str] = field(default_factory=list)
    landed_again: int = 0
    lost_rows: int = 0
    lost_bytes: int = 0


def examine(home: Home, *, deep: bool = True, orphan_age_s: float = ORPHAN_AGE_S, clock: Clock = utc_now) -> Findings:
    """Look at everything and change nothing. `deep` reads the whole ledger and every segment."""
    trouble = _ledger_trouble(home, deep=deep)
    if trouble is not None:
        return Findings(trouble)
    connection = sqlite3.connect(f"file:{home.ledger}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT id, path, table_name, row_count, byte_count, checksum, superseded_by FROM segment"
        ).fetchall()
    finally:
        connection.close()
    known = {home.lake / row[1] for row in rows}
    live = [row for row in rows if row[6] is None]
    broken = [
        Broken(row[0], home.lake / row[1], row[2], row[3], found)
        for row in live
        if (found := _segment_trouble(home.lake / row[1], row[4], row[5] if deep else None)) is not None
    ]
    before_s = clock().timestamp() - orphan_age_s
    old = [p for p in home.lake_files() if p not in known and _changed_s(p) <= before_s]
    pending = tuple(p for p in old if p.suffix == PENDING_SUFFIX)
    return Findings(None, tuple(broken), tuple(p for p in old if p not in pending), pending, len(live))


def repair(
    home: Home, *, deep: bool = True, orphan_age_s: float = ORPHAN_AGE_S, clock: Clock = utc_now,
    masking: Masking | None = None,
) -> Report:  # fmt: skip
    """Mend what `examine` finds: a damaged ledger is rebuilt, broken segments are landed again where the log still is.

    Raises UnavailableError if the home cannot be written.
    """
    home.create()
    findings = examine(home, deep=deep, orphan_age_s=orphan_age_s, clock=clock)
    report, began = Report(findings), rfc3339(clock())
    try:
        if findings.ledger is not None:
            report.done += rebuild.rebuild(home, clock, masking)
            again = examine(home, deep=deep, orphan_age_s=orphan_age_s, clock=clock)
            report.findings = findings = replace(again, ledger=findings.ledger)
        _tidy(home, findings, report, clock)
        lake = Lake(home, Ledger(home.ledger), clock)
        report.lost_bytes = _gap_bytes(lake, began) if findings.ledger is not None else 0
        for item in findings.broken:
            _mend(lake, item, report, masking)
        lake.ledger.close()
    except OSError as error:
        text = f"the home {home.path} cannot be mended now ({error.strerror}); make room and run this again"
        raise UnavailableError(text) from error
    return report


def _gap_bytes(lake: Lake, since: str) -> int:
    """The bytes whose rows were counted as lost from a moment on."""
    with lake.ledger.read() as connection:
        row = connection.execute("SELECT coalesce(sum(byte_count), 0) FROM gap WHERE ts >= ?", (since,)).fetchone()
    return int(row[0])


def at_start(lake: Lake, masking: Masking | None = None) -> list[str]:
    """The quick look before landing begins: sizes, orphans, unfinished writes. Mends, and says what it did."""
    if examine(lake.home, deep=False, clock=lake.clock).sound:
        return []
    return repair(lake.home, deep=False, clock=lake.clock, masking=masking).done


def _tidy(home: Home, findings: Findings, report: Report, clock: Clock) -> None:
    """Remove unfinished writes, and set aside what no commit names."""
    for path in findings.pending:
        path.unlink(missing_ok=True)
    if findings.pending:
        report.done.append(f"removed {_count(findings.pending, 'unfinished write')}")
    for path in findings.orphans:
        if path.exists():
            set_aside(home, path, clock())
    if findings.orphans:
        report.done.append(f"kept {_count(findings.orphans, 'file')} that no commit names in {home.aside}")


def _count(things: Sequence[object], what: str) -> str:
    return f"{len(things)} {what}{'s' if len(things) != 1 else ''}"


def _mend(lake: Lake, item: Broken, report: Report, masking: Masking | None) -> None:
    """Take a broken segment out of the manifest and land its rows again."""
    now = lake.clock()
    with lake.ledger.read() as connection:
        ranges = ranges_of(connection, item.id, item.path, item.table_name)
    if item.path.exists():
        set_aside(lake.home, item.path, now)
    with lake.ledger.write() as connection:
        done = connection.execute(
            "INSERT INTO landing_commit (ts, kind) VALUES (?, 'rebuild')", (rfc3339(now),)
        ).lastrowid
        taken = connection.execute(
            "UPDATE segment SET superseded_by = ?, superseded_ts = ? WHERE id = ? AND superseded_by IS NULL",
            (done, rfc3339(now), item.id),
        )
    if taken.rowcount == 0:
        return  # it was merged or forgotten meanwhile
    again = 0
    for wanted in ranges:
        rows = reland(lake, wanted, masking)
        again += rows or 0
        if rows is None:
            with lake.ledger.write() as connection:
                reason = f"the segment of {item.table_name} was {item.trouble}, and the log is gone"
                size = wanted.end - wanted.start
                sources.record_gap(connection, wanted.source, size, reason, rfc3339(now), start=wanted.start)
    lost = max(item.row_count - again, 0)
    report.landed_again += again
    report.lost_rows += lost
    report.done.append(f"{item.path.name}: {item.trouble}; {again} rows landed again from the log, {lost} lost")


def _ledger_trouble(home: Home, *, deep: bool) -> str | None:
    if rebuild.is_lost(home):
        return "it is missing, or no ledger any more"
    if not home.ledger.exists():
        return "missing"
    return None if not deep or backup.is_sound(home.ledger) else "SQLite cannot read it whole"


def _segment_trouble(path: Path, byte_count: int, checksum: str | None) -> str | None:
    """What is wrong with a live segment: missing, torn or altered; None if nothing is."""
    try:
        size = path.stat().st_size
        if size != byte_count:
            return f"torn ({size} of {byte_count} bytes)"
        if checksum is not None and checksum_file(path) != checksum:
            return "altered (its checksum differs)"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable ({(error.strerror or 'error').lower()})"
    return None


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")
