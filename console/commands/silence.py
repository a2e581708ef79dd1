"""`watchroom silence`: tell nobody for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, HomeOption, OutputOption, ReasonOption, YesOption
from console.output import Output, emit_one
from storage.errors import UsageError

PANEL = "Monitoring"


def command(
    alert: Annotated[int | None, typer.Argument(metavar="ALERT", help="An open alert's number; or say which.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Every alert of this rule.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Every alert of this model.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Every alert of this environment.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="How long: 30min, 2h, 1day.")] = "2h",
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
    from engine.alerts import silence, silence_all
    from engine.room import Room

    if (alert is None) == (rule is None and model is None and env is None):
        raise UsageError("name one alert, or say --rule, --model or --env")
    if not reason.strip():
        raise UsageError("a silence needs a reason; give one with --reason")
    room = Room.open(home)
    until, actor = room.clock() + span(lasting), room.registry.actor
    which = f"alert {alert}" if alert is not None else " ".join(w for w in (rule, model, env) if w)
    if not confirm(f"silence {which} until {until:%Y-%m-%d %H:%M} UTC", yes=yes, dry_run=dry_run):
        return
    if alert is not None:
        done = silence(room.ledger, alert, actor, until, room.clock, note=reason)
        emit_one({"id": done.alert.id, "rule": done.alert.rule, "until": until, "by": str(actor), "reason": reason},
                 output)  # fmt: skip
        return
    if model is not None:
        room.registry.model(model)
    number = silence_all(room.ledger, actor, until, room.clock, rule=rule, model=model, environment=env, reason=reason)
    emit_one({"silence": number, "rule": rule, "model": model, "environment": env, "until": until, "by": str(actor),
              "reason": reason}, output)  # fmt: skip
