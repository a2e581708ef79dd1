"""`watchroom doctor`: find what is broken in a home, and mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit, say
from storage.errors import UnavailableError

if TYPE_CHECKING:
    from storage.doctor import Findings

PANEL = "Maintenance"


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what is found.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read every segment.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Examine a home: ledger, segments and their checksums, unfinished writes; ends with 1 when anything is wrong.

    --repair rebuilds a damaged ledger from its backup and the segments, lands lost rows again where the log still is,
    and keeps every damaged file in `aside/`. It ends with 1 when rows stay lost.

    Example: watchroom doctor --repair --yes
    """
    from storage.doctor import examine
    from storage.doctor import repair as mend
    from storage.home import Home, default_home

    place = Home(home or default_home())
    if not place.path.is_dir():
        raise UnavailableError(f"no watchroom home at {place.path}; --home names another")
    found = examine(place, deep=not quick)
    emit(_rows(found), output, empty=found.lines()[0])
    if not repair or found.sound:
        return 0 if found.sound else 1
    if not confirm(f"mend {place.path}: {'; '.join(found.lines())}", yes=yes, dry_run=dry_run):
        return 1
    report = mend(place)
    for line in report.done:
        say(line)
    uncounted = f", and those of {report.lost_bytes} bytes" if report.lost_bytes else ""
    say(f"{report.landed_again} rows landed again, {report.lost_rows} lost{uncounted}")
    return 1 if report.lost_rows or report.lost_bytes else 0


def _rows(found: Findings) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if found.ledger:
        rows.append({"finding": "ledger", "what": "ledger.sqlite3", "rows": None, "detail": found.ledger})
    rows += [{"finding": "broken", "what": str(b.path), "rows": b.row_count, "detail": b.trouble} for b in found.broken]
    rows += [{"finding": "orphan", "what": str(p), "rows": None, "detail": "no commit names it"} for p in found.orphans]
    rows += [{"finding": "unfinished", "what": str(p), "rows": None, "detail": "a write that never ended"}
             for p in found.pending]  # fmt: skip
    return rows
