"""`watchroom lake`: the segments, taken care of by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from console.commands.forget import forget_subject
from console.confirm import confirm
from console.options import DryRunOption, HomeOption, LimitOption, OutputOption, YesOption
from console.output import Output, emit, emit_one
from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.room import Room

PANEL = "Maintenance"
What = Literal["files", "export", "compact", "forget"]


def command(
    what: Annotated[What, typer.Argument(help="files, export TABLE, compact, forget SUBJECT.")] = "files",
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A table; for forget, a client or user.")] = None,
    table: Annotated[str | None, typer.Option("--table", help="files, export: the table; the same as NAME.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="forget: whom; the same as NAME.")] = None,
    target: Annotated[Path | None, typer.Option("--to", help="export: a .parquet, .csv or .jsonl file.")] = None,
    delta: Annotated[bool, typer.Option("--delta", help="export: a Delta table of the segments as they lie.")] = False,
    limit: LimitOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List the live segments, export a table, merge small segments, or forget one client or user for good.

    files names Parquet that any reader opens; a running daemon merges by itself. export --delta makes the segments of a
    table (without a name: of all that have rows) a Delta table by metadata alone, for others to read and not to write;
    it needs the optional deltalake, and the daemon keeps it up to date from then on. forget removes every row in which
    the subject is a word of its own, in every table, and every copy of it in the home; the logs themselves and what was
    exported elsewhere are not touched.

    Example: watchroom lake export requests --to /tmp/requests.parquet
    """
    from engine.room import Room

    named = {given for given in (name, table, subject) if given is not None}
    if len(named) > 1 or (table and what == "forget") or (subject and what != "forget"):
        raise UsageError("name one thing: a table for files and export, a subject for forget")
    name = next(iter(named), None)
    room = Room.open(home)
    if what == "files":
        emit(_files(room, name), output, limit=limit, empty="nothing has landed yet")
    elif what == "export":
        (_export_delta if delta else _export)(room, name, to=target, dry_run=dry_run, output=output)
    elif what == "compact":
        _compact(room, dry_run, output)
    elif name is None:
        raise UsageError("say whom to forget: watchroom lake forget --subject 203.0.113.7")
    else:
        forget_subject(room, name, yes=yes, dry_run=dry_run, output=output)


def _files(room: Room, name: str | None) -> list[dict[str, object]]:
    from storage.schema import TABLES

    if name is not None and name not in TABLES:
        raise UsageError(f"no table {name!r}; there are {', '.join(TABLES)}")
    return [
        {"table": s.table_name, "rows": s.row_count, "bytes": s.byte_count, "oldest": s.min_ts, "newest": s.max_ts,
         "path": str(s.path)}
        for s in room.lake.snapshot().segments if name in (None, s.table_name)
    ]  # fmt: skip


def _export(room: Room, name: str | None, *, to: Path | None, dry_run: bool, output: Output) -> None:
    from engine.export import export

    if name is None or to is None:
        raise UsageError("say which table and where to: watchroom lake export requests --to requests.parquet")
    if confirm(f"write {name} to {to}", yes=True, dry_run=dry_run):
        emit_one({"table": name, "rows": export(room.lake, name, to), "file": str(to)}, output)


def _export_delta(room: Room, name: str | None, *, to: Path | None, dry_run: bool, output: Output) -> None:
    from storage.delta import export_delta
    from storage.schema import TABLES

    if to is not None:
        raise UsageError("a Delta table lies where its segments lie; leave --to away")
    if name is not None and name not in TABLES:
        raise UsageError(f"no table {name!r}; there are {', '.join(TABLES)}")
    held = {s.table_name for s in room.lake.snapshot().segments}
    names = [name] if name is not None else [table for table in TABLES if table in held]
    if confirm(f"write the Delta logs of {', '.join(names) or 'nothing'}", yes=True, dry_run=dry_run):
        done = [(table, export_delta(room.lake, table)) for table in names]
        emit([
            {"table": table, "version": d.version, "files": d.files, "rows": d.rows, "added": d.added,
             "removed": d.removed, "path": str(d.folder)}
            for table, d in done
        ], output, limit=0, empty="nothing has landed yet")  # fmt: skip


def _compact(room: Room, dry_run: bool, output: Output) -> None:
    from storage.compaction import compact, plan

    groups = plan(room.lake, room.lake.snapshot())
    change = f"merge {sum(len(group) for group in groups)} segments into {len(groups)}"
    if confirm(change, yes=True, dry_run=dry_run):
        done = compact(room.lake)
        emit_one({"merged": done.merged, "into": done.into, "removed_files": done.removed}, output)
