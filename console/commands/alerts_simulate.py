"""`watchroom alerts-simulate`: what the rules would have told over the past."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, OutputOption
from console.output import Output, emit, say

PANEL = "Monitoring"


def command(
    days: Annotated[float, typer.Option("--days", min=0.01, help="Days back from the newest verdict.")] = 30.0,
    rules: Annotated[Path | None, typer.Option("--rules", help="A rules file; default the home's rules.toml.")] = None,
    every: Annotated[str, typer.Option("--every", help="How often the rules look, in event time.")] = "15min",
    budget: Annotated[float, typer.Option("--budget", help="Notices a day that are borne; more ends with 1.")] = 5.0,
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Replay the labelled past through the accuracy and degradation rules: what would have fired, and been told.

    The rules, the alerts' life, grouping, damping and limits are the real ones, on a clock that runs through the past;
    nothing is sent and nothing is written. Ends with 1 when more than --budget notices a day had gone out; less than a
    day counts as one.

    Example: watchroom alerts-simulate --days 30 --every 15min
    """
    from console.period import span
    from engine.alert_rules import load_rules
    from engine.room import Room
    from engine.simulation import simulate
    from engine.streams import past_streams

    room = Room.open(home)
    streams = past_streams(room.reader, room.registry, days, env)
    known = load_rules(rules if rules is not None else room.home.path / "rules.toml")
    if not streams:
        emit([], output, empty="no labelled verdicts in that time")
        return 0
    outcome = simulate(streams, rules=known, step=span(every))
    emit(outcome.by_day, output, empty="no alert would have fired")
    a_day = outcome.told / max(outcome.days, 1.0)
    say(
        f"{outcome.fired} alerts in {outcome.days:.1f} days; {outcome.told} told ({a_day:.2f} a day),"
        f" {outcome.held_back} held back for the digest"
    )
    return 1 if a_day > budget else 0
