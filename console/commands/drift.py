"""`watchroom drift`: have the data moved?"""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, LimitOption, OutputOption
from console.output import Output, emit

PANEL = "Performance Monitoring"
COLUMNS = ("model", "feature", "verdict", "psi", "shift", "p_value", "n", "n_reference", "missing", "missing_reference")


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    env: EnvironmentOption = "production",
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Hold the newest 1,000 verdicts' features and score against the 5,000 before; ends with 1 on a drift.

    Where there are fewer, the newest third is held against the rest. Drift needs size (PSI over 0.2; over 0.1 is minor)
    and significance, corrected over the features. It explains; it never raises an alarm by itself.

    Example: watchroom drift waf-behavioral --limit 10
    """
    import polars as pl

    from engine.drift import check
    from engine.room import Room

    room = Room.open(home)
    chosen = [room.registry.config(model, env)] if model is not None else room.registry.deployed(env)
    found = [check(room.reader, now).with_columns(pl.lit(now.model).alias("model")) for now in chosen]
    rows = pl.concat(found).sort("psi", descending=True, nulls_last=True) if found else pl.DataFrame()
    emit(rows, output, columns=COLUMNS, limit=limit, empty="too few verdicts to compare")
    return 1 if rows.height and (rows["verdict"] == "drift").any() else 0
