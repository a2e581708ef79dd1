"""`watchroom check-degradation`: has a model grown worse?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import is_read_only
from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = (
    "model", "version", "environment", "level", "metric", "value", "baseline", "drop_percent", "n", "evidence",
    "verdict", "detail",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Only this environment.")] = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Hold every deployed model against its frozen baseline now; ends with 1 when one is degraded.

    degraded: 5 % or more under the baseline, and a sequential test says that it fell (`evidence` 0 or more); watch: it
    fell, by less. `verdict` says whether labels that came after the alarm confirm it. The look is written down, as the
    one that the scheduler takes every 15 minutes, unless watchroom is --read-only.

    Example: watchroom check-degradation --output json
    """
    from engine.degradation import check
    from engine.degradation_report import worst_of_each
    from engine.room import Room

    room = Room.open(home)
    if model is not None:
        room.registry.model(model)
    found = check(room.reader, room.ledger, room.registry.actor, room.clock, writes=not is_read_only())
    kept = [pair for pair in found if model in (None, pair[0].model) and env in (None, pair[0].environment)]
    rows = worst_of_each(kept, room.reader, room.ledger)
    emit(rows, output, columns=COLUMNS, empty="nothing is deployed; `watchroom deploy-to-production --all` does it")
    return 1 if any(row["level"] == "degraded" for row in rows) else 0
