"""`watchroom show-thresholds`: the cut-offs and limits in force."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Auto-Tuning"
COLUMNS = (
    "model", "environment", "threshold", "threshold_low", "threshold_high", "threshold_step", "exact_threshold",
    "accuracy_limit", "severity", "acc1000", "set_by_kind", "set_by", "since",
)  # fmt: skip


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """Show each deployed model's cut-off with the range that tuning keeps to, and the accuracy that raises an alert.

    `exact_threshold` is the best cut-off that the newest search found, off the grid.

    Example: watchroom show-thresholds --output csv
    """
    from engine.room import Room
    from engine.tuning_report import thresholds

    rows = thresholds(Room.open(home).reader)
    emit(rows, output, columns=COLUMNS, empty="nothing is deployed; `watchroom deploy-to-production --all` does it")
