"""`watchroom verify-degradation`: was the alarm true?"""

from __future__ import annotations

from console.confirm import is_read_only
from console.options import EnvironmentOption, HomeOption, ModelArgument, OutputOption
from console.output import Output, emit_one

PANEL = "Performance Monitoring"


def command(
    model: ModelArgument,
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Judge a model's newest degradation alarm by labels that came after it; ends with 1 when it is confirmed.

    The verdict is confirmed, false_alarm, inconclusive, no_labels, superseded (something else was deployed since) or
    no_alarm, and is written to the alert (not with --read-only). `n_needed` labels tell 5 % less from none.

    Example: watchroom verify-degradation waf-behavioral
    """
    from dataclasses import asdict

    from engine.room import Room
    from engine.verification import look, verify

    room = Room.open(home)
    room.registry.model(model)
    verdict = (
        look(room.reader, room.ledger, model, environment=env)
        if is_read_only()
        else verify(room.reader, room.ledger, model, room.registry.actor, room.clock, environment=env)
    )
    emit_one(asdict(verdict), output)
    return 1 if verdict.verdict == "confirmed" else 0
