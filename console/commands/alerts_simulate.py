"""`watchroom alerts-simulate`: what the rules would have told over the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.options import EnvironmentOption, HomeOption, OutputOption
from console.output import Output, emit, say
from console.words import span

if TYPE_CHECKING:
    from engine.simulation import Outcome

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
    """Replay the past through the alert rules: what would have fired, and been told.

    The rules, the alerts' life, grouping, damping and limits are the real ones, on a clock that runs through the past;
    nothing is sent and nothing is written. Accuracy and degradation are judged by the labels up to each look, the
    other rules by their `history`; rules without one are named. Ends with 1 when more than --budget notices a day
    had gone out; less than a day counts as one.

    Example: watchroom alerts-simulate --days 30 --every 15min
    """
    from console import period
    from engine.alert_rules import load_rules
    from engine.room import Room
    from engine.rule_history import history
    from engine.simulation import simulate
    from engine.streams import past, past_streams

    room, step = Room.open(home), period.span(every)
    streams = past_streams(room.reader, room.registry, days, env)
    known = load_rules(rules if rules is not None else room.home.path / "rules.toml")
    stretch = past(room.reader, days)
    if stretch is None:
        emit([], output, empty="no verdicts in that time")
        return 0
    others = history(room.reader, known, *stretch, step)
    outcome = simulate(streams, rules=known, step=step, others=others.answers)
    emit(outcome.by_day, output, empty="no alert would have fired")
    a_day = outcome.told / max(outcome.days, 1.0)
    _narrate(outcome, a_day, others.unanswered)
    return 1 if a_day > budget else 0


def _narrate(outcome: Outcome, a_day: float, unanswered: Sequence[str]) -> None:
    alerts = "1 alert" if outcome.fired == 1 else f"{outcome.fired} alerts"
    say(
        f"{alerts} in {span(timedelta(days=outcome.days))}; {outcome.told} told ({a_day:.2f} a day),"
        f" {outcome.held_back} held back for the digest"
    )
    if unanswered:
        say(f"not simulated, for the past does not tell: {', '.join(unanswered)}")
