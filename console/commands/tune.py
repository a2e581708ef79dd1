"""`watchroom tune`: search for a better threshold now."""

from __future__ import annotations

from typing import Annotated

import typer

from console.confirm import confirm
from console.options import DryRunOption, EnvironmentOption, HomeOption, OutputOption, YesOption
from console.output import Output, emit, say

PANEL = "Auto-Tuning"
COLUMNS = (
    "model", "verdict", "n", "current_threshold", "best_threshold", "exact_threshold", "current_metric", "best_metric",
    "crossfit_gain", "gain_low", "trend", "detail",
)  # fmt: skip


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.")] = None,
    env: EnvironmentOption = "production",
    objective: Annotated[
        str, typer.Option("--objective", help="f1, precision, recall, accuracy, mcc, cost:FP:FN, recall@fpr:LIMIT.")
    ] = "f1",
    exact: Annotated[bool, typer.Option("--exact", help="Any threshold, not only the grid's.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Search once for a better threshold, as the scheduler does every hour; apply it if every gate is passed.

    --dry-run says what would come of it and records nothing. `trend` is the objective over the grid of thresholds.

    Example: watchroom tune waf-behavioral --dry-run
    """
    from engine.room import Room
    from engine.tuning import Options, search, tune
    from engine.tuning_report import run_row

    room = Room.open(home)
    options = Options(objective, exact=exact)
    chosen = [room.registry.config(model, env)] if model is not None else room.registry.deployed(env)
    found = [search(room.reader, room.registry, now, options) for now in chosen]
    plans = [f"{run.model}: {run.verdict}, {run.detail}" for run in found]
    if confirm("; ".join(plans) or f"nothing is deployed in {env}", yes=yes, dry_run=dry_run):
        found = [tune(room.reader, room.registry, now, options) for now in chosen]
    emit([run_row(run) for run in found], output, columns=COLUMNS, empty=f"nothing is deployed in {env}")
    for run in found:
        closed = [f"{name}: {gate.why}" for name, gate in sorted(run.gates.items()) if not gate.ok]
        if closed:
            say(f"{run.model}, gates that are closed: {' · '.join(closed)}")
