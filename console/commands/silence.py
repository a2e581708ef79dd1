"""`watchroom silence`: tell nobody for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, ReasonOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.room import Room

PANEL = "Monitoring"


def command(
    alert: Annotated[int | None, typer.Argument(metavar="ALERT", help="An open alert's number; or say which.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Every alert of this rule.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Every alert of this model.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Every alert of this environment.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="How long: 30min, 2h, 1day.")] = "2h",
    end: Annotated[bool, typer.Option("--end", help="Take that silence back; from now on it is told again.")] = False,
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Tell nobody of one alert, or of all that fit a rule, model or environment, open or to come; states go on.

    Example: watchroom silence --model queue-anomaly --for 2h --reason "import of the old catalogue" --yes
    """
    from console.period import span
    from engine.room import Room

    which = {"rule": rule, "model": model, "environment": env}
    named = [word for word in which.values() if word]
    if (alert is None) != bool(named):
        raise UsageError("name one alert, or say --rule, --model or --env")
    if not end and not reason.strip():
        raise UsageError("a silence needs a reason; give one with --reason")
    room = Room.open(home)
    until = None if end else room.clock() + span(lasting)
    what = f"alert {alert}" if alert is not None else " ".join(named)
    said = f"silence {what} until {until:%Y-%m-%d %H:%M} UTC" if until else f"end the silence of {what}"
    if confirm(said, yes=yes, dry_run=dry_run):
        done = _one(room, alert, until, reason) if alert is not None else _all(room, which, until, reason)
        emit_one({**done, "until": until, "by": str(room.registry.actor), "reason": reason}, output)


def _one(room: Room, alert: int, until: datetime | None, reason: str) -> Mapping[str, Any]:
    """One alert's silence begins, or ends."""
    from engine.alerts import end_silence, silence

    actor = room.registry.actor
    if until is None:
        done = end_silence(room.ledger, alert, actor, room.clock, note=reason)
    else:
        done = silence(room.ledger, alert, actor, until, room.clock, note=reason)
    return {"id": alert, "rule": done.alert.rule}


def _all(room: Room, which: Mapping[str, str | None], until: datetime | None, reason: str) -> Mapping[str, Any]:
    """A silence of all that fit begins; or those that were laid on just this end."""
    from engine.alerts import end_silences, silence_all

    if until is None:
        return {"ended": end_silences(room.ledger, room.registry.actor, room.clock, **which, reason=reason), **which}
    if which["model"] is not None:
        room.registry.model(which["model"])
    number = silence_all(room.ledger, room.registry.actor, until, room.clock, **which, reason=reason)
    return {"silence": number, **which}
