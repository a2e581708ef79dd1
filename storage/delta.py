"""A table of the lake as a Delta table, by metadata alone: its log names the segments where they lie, none is copied.

The log lies beside the segments (`lake/TABLE/_delta_log`). It is for readers: watchroom goes on merging, and brings a
log that exists up to date before a file that it names goes. Needs the optional package `deltalake`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.clock import parse_rfc3339
from storage.errors import UnavailableError
from storage.home import DELTA_LOG
from storage.lake import Lake
from storage.schema import TABLES, Table
from storage.segments import Segment

if TYPE_CHECKING:
    from deltalake import DeltaTable

KEPT_UP_EVERY = timedelta(minutes=30)
"""So often upkeep brings a log up to date; files it names stay for an hour after they were merged."""
SETTINGS = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
"""Short, for a log that is brought up to date all day must not grow with what is long gone."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: the table's version now, its live files, and how many were named or let go."""

    folder: Path
    version: int
    files: int
    added: int
    removed: int
    rows: int


def export_delta(lake: Lake, name: str) -> Exported:
    """Make table `name` a Delta table, or bring its log up to date: one transaction that names what is live.

    Raises UnavailableError where `deltalake` is not installed, and when somebody else writes to the Delta table.
    """
    _library()
    import deltalake.exceptions
    from deltalake.transaction import RemoveAction

    kind, folder = TABLES[name], lake.home.lake / name
    with lake.reading() as snapshot:
        live = {str(s.path.relative_to(folder)): s for s in snapshot.of(name)}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            known = _known(folder)
            added = [live[path] for path in live.keys() - (known or {}).keys()]
            gone = sorted((known or {}).keys() - live.keys())
            now_ms = int(lake.clock().timestamp() * 1000)
            removed = [RemoveAction(path, True, now_ms) for path in gone]
            version = _commit(folder, kind, [*(_add(s, folder) for s in added), *removed])
        except (OSError, deltalake.exceptions.DeltaError) as error:
            raise UnavailableError(
                f"the Delta log {folder / DELTA_LOG} cannot be written ({error}); try again"
            ) from error
    return Exported(folder, version, len(live), len(added), len(gone), sum(s.row_count for s in live.values()))


def keep_up(lake: Lake) -> list[Exported]:
    """Bring every Delta log of the lake that is older than half an hour up to date. Raises UnavailableError."""
    before_s = (lake.clock() - KEPT_UP_EVERY).timestamp()
    due = [
        name for name in TABLES
        if (folder := lake.home.lake / name / DELTA_LOG).is_dir()
        and max((p.stat().st_mtime for p in folder.glob("*.json")), default=0.0) <= before_s
    ]  # fmt: skip
    return [export_delta(lake, name) for name in due]


def _known(folder: Path) -> dict[str, Any] | None:
    """The files that the log names, by their path below `folder`; None where there is no log."""
    from deltalake import DeltaTable

    if not DeltaTable.is_deltatable(str(folder)):
        return None
    root = str(folder.resolve()) + "/"
    return {str(Path(uri)).removeprefix(root): uri for uri in DeltaTable(folder).file_uris()}


def _commit(folder: Path, kind: Table, actions: Sequence[Any]) -> int:
    """One transaction; none if there is nothing to say. Returns the version there is then."""
    from deltalake import DeltaTable, Schema
    from deltalake.transaction import create_table_with_add_actions

    schema = Schema.from_arrow(kind.empty().to_arrow().schema)
    if not DeltaTable.is_deltatable(str(folder)):
        create_table_with_add_actions(
            str(folder), schema, list(actions), name=kind.name, description=kind.about, configuration=SETTINGS
        )
        return 0
    table = DeltaTable(folder)
    _add_columns(table, schema)
    if actions:
        table.create_write_transaction(list(actions), mode="append", schema=schema)
        table.update_incremental()
    return table.version()


def _add_columns(table: DeltaTable, schema: Any) -> None:
    """Columns that the lake's table has got since; segments of before have null there, in Delta as in the lake."""
    have = {column.name for column in table.schema().fields}
    fresh = [column for column in schema.fields if column.name not in have]
    if fresh:
        table.alter.add_columns(fresh)


def _add(segment: Segment, folder: Path) -> Any:
    """A segment as the log names it; its times let readers leave it out. No other value of its rows is told."""
    from deltalake.transaction import AddAction

    stats: dict[str, Any] = {"numRecords": segment.row_count}
    if segment.min_ts is not None and segment.max_ts is not None:
        stats |= {"minValues": {"ts": segment.min_ts}, "maxValues": {"ts": segment.max_ts}}
        assert parse_rfc3339(segment.min_ts) <= parse_rfc3339(segment.max_ts)
    path = str(segment.path.relative_to(folder))
    changed_ms = int(segment.path.stat().st_mtime * 1000)
    return AddAction(path, segment.byte_count, {}, changed_ms, True, json.dumps(stats))


def _library() -> None:
    try:
        import deltalake  # noqa: F401 is it there
    except ImportError:
        raise UnavailableError(
            "a Delta table needs the optional package deltalake: pip install 'watchroom[delta]'"
        ) from None
