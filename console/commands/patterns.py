"""`watchroom patterns`: the N+1 loops of this home, what to do about one, and which are fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from console.confirm import confirm
from console.options import (
    DryRunOption,
    EnvironmentOption,
    HomeOption,
    LimitOption,
    OutputOption,
    ReasonOption,
    YesOption,
)
from console.output import Output, cell, emit, emit_one
from storage.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from engine.room import Room

PANEL = "Monitoring"
What = Literal["list", "show", "fixed", "reopen"]
State = Literal["open", "regressed", "quiet", "fixed"]
SHOWN = (
    "pattern", "state", "severity", "confidence", "detections", "first_seen", "last_seen", "repeats", "wasted_ms",
    "better", "template",
)  # fmt: skip


def command(
    what: Annotated[What, typer.Argument(help="What to do.")] = "list",
    pattern: Annotated[str | None, typer.Argument(metavar="HASH", help="A pattern's hash or how it begins.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="list: only patterns in this state.")] = None,
    dialect: Annotated[str, typer.Option("--dialect", help="show: postgres, mysql, sqlite, ...")] = "postgres",
    env: EnvironmentOption = "production",
    reason: ReasonOption = "",
    limit: LimitOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """List the N+1 loops that were found, the worst first; show ways out of one; say that one is fixed or is not.

    A pattern is a statement with the query that feeds it. One marked as fixed that comes back is `regressed`; `better`
    says whether its places became faster since.

    Example: watchroom patterns show 7197764073c0acae --dialect mysql
    """
    from engine.n1.patterns import find, mark, patterns
    from engine.room import Room

    room = Room.open(home)
    if what == "list":
        emit(patterns(room.reader, env, state), output, columns=SHOWN, limit=limit, empty="no N+1 loop was found")
        return
    if pattern is None:
        raise UsageError(f"say which pattern to {'show' if what == 'show' else 'mark'}: its hash, as `patterns` lists")
    found = find(room.reader, env, pattern)
    if what == "show":
        _show(found, dialect, output)
        return
    fixed = what == "fixed"
    said = f"say that {found['pattern']} is {'fixed' if fixed else 'not fixed'}: {found['template']}"
    if confirm(said, yes=yes, dry_run=dry_run):
        mark(room.ledger, found, fixed=fixed, actor=room.registry.actor, clock=room.clock, reason=reason)
        emit_one(_standing(room, env, found["pattern"]), output)


def _show(found: Mapping[str, Any], dialect: str, output: Output) -> None:
    """The pattern and the ways out: as text for people, a row a way out for machines."""
    from engine.n1.advice import loop_advice, rows

    group = {"template": found["template"], "parent": found["parent"], "count": round(found["repeats"]),
             "distinct_params": found["different"]}  # fmt: skip
    if output is not Output.table:
        emit([{"pattern": found["pattern"], **way} for way in rows(group, dialect)], output)
        return
    emit_one(found, output)
    print("\n" + "\n".join(cell(line) for line in loop_advice(group, dialect).splitlines()))


def _standing(room: Room, env: str, pattern: str) -> dict[str, object]:
    from engine.n1.patterns import find

    now = find(room.reader, env, pattern)
    return {name: now[name] for name in ("pattern", "state", "fixed_ts", "fixed_by", "template")}
