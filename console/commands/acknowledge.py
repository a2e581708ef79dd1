"""`watchroom acknowledge`: take an alert on."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit_one

PANEL = "Monitoring"


def command(
    alert: Annotated[int, typer.Argument(metavar="ALERT", help="An alert's number, as `alerts` shows it.")],
    lasting: Annotated[str, typer.Option("--for", help="How long nobody is told of it again.")] = "8h",
    release: Annotated[bool, typer.Option("--release", help="Hand it back: nobody's again, and told again.")] = False,
    note: Annotated[str, typer.Option("--note", help="What you are about to do.")] = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Take an open alert on: it is not repeated nor escalated meanwhile, unless it grows more severe.

    Example: watchroom acknowledge 12 --note "rolling back" --yes
    """
    from console.period import span
    from engine.alerts import acknowledge, get
    from engine.alerts import release as hand_back
    from engine.room import Room

    room = Room.open(home)
    length = span(lasting)
    with room.ledger.read() as connection:
        known = get(connection, alert)
    said = f"hand alert {alert} back" if release else f"take on alert {alert} for {lasting}"
    if confirm(f"{said}: {known.summary}", yes=yes, dry_run=dry_run):
        who = (room.ledger, alert, room.registry.actor, room.clock)
        done = hand_back(*who, note=note) if release else acknowledge(*who, note=note, lasting=length)
        emit_one(
            {"id": done.alert.id, "rule": done.alert.rule, "model": done.alert.model, "state": done.alert.state,
             "acknowledged_by": done.alert.acknowledged_by, "acknowledged_until": done.alert.acknowledged_until,
             "note": done.note}, output,
        )  # fmt: skip
