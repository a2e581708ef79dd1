"""`watchroom register-external-model`: a model that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from console.confirm import confirm
from console.deployed import show_version
from console.options import DryRunOption, HomeOption, ModelArgument, OutputOption, ReasonOption, YesOption
from console.output import Output

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    version: Annotated[str, typer.Option("--version", help="Its version, as its predictions name it.")],
    threshold: Annotated[float, typer.Option("--threshold", help="The cut-off it runs with, 0..1.")] = 0.5,
    accuracy: Annotated[float, typer.Option("--accuracy", help="Alert under this accuracy.")] = 0.85,
    severity: Annotated[
        Literal["info", "warning", "critical"], typer.Option("--severity", help="How severe that alert is.")
    ] = "warning",
    artefact: Annotated[
        Path | None, typer.Option("--artefact", help="The model's file; its sha256 and size are kept with the version.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="What it judges, in a few words.")] = "",
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Register a model that runs elsewhere; its predictions and labels land as JSON lines (`event`: prediction, label)
    or as Parquet (`watchroom ingest`).

    Deploy it, and it is measured, judged for degradation, tuned, alerted on and rolled back like ours; the system that
    runs it takes its cut-off from `watchroom show-config MODEL --output json`.

    Example: watchroom register-external-model census --version 2.1 --threshold 0.5 --reason "batch host" --yes
    """
    from dataclasses import replace

    from engine.artefact import hashed
    from engine.room import Room
    from engine.versions import external_card

    card = external_card(
        model, version, threshold=threshold, title=title, alert_accuracy=accuracy, alert_severity=severity
    )
    if artefact is not None:
        card = replace(card, **hashed(artefact))
    if confirm(f"register {model} {version}, which runs elsewhere", yes=yes, dry_run=dry_run):
        room = Room.open(home, create=True, deploy=False)
        show_version(room.registry.register_card(card, reason=reason), output)
