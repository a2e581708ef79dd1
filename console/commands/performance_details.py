"""`watchroom performance-details`: one model, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.options import EnvironmentOption, HomeOption, ModelArgument, OutputOption
from console.output import Output, emit, say

if TYPE_CHECKING:
    from engine.deployment import Deployment
    from engine.estimate import Estimate

PANEL = "Performance Monitoring"
NAMED = ("model", "version", "environment", "window", "accuracy_low", "accuracy_high", "n_even")
RECENT = ("ts", "subject", "score", "threshold", "flagged", "truth", "reason")
FEW = 1_000
"""Matured labels under which the table gives the estimate without labels too."""
Said = Sequence[tuple["Deployment", "Estimate"]]


def command(
    model: ModelArgument,
    recent: Annotated[int, typer.Option("--recent", min=0, help="Also this many of the newest verdicts.")] = 0,
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show a model's windows (last 100, last 1000, all): confusion counts, rates, confidence and latency.

    `low` and `high` are bounds that hold however often one looks; `ml_success_rate` is the share of rounds of judging
    that came to an end in time. Where few labels have matured, what calibrated scores
    let expect without labels follows, with its band. With --recent the newest verdicts of --env are given instead, each
    with its truth where it is known.

    Example: watchroom performance-details n1-detector --recent 100 --output jsonl
    """
    from engine import monitor
    from engine.estimate import estimates
    from engine.room import Room

    room = Room.open(home)
    room.registry.model(model)
    if recent:
        emit(monitor.recent(room.reader, model, env, recent), output, columns=RECENT, empty="no verdicts yet")
        return
    rows = monitor.with_success(room.reader, monitor.performance(room.reader, model).to_dicts())
    running = [d for d in room.registry.deployed() if d.model == model]
    said = [(d, found) for d in running for found in estimates(room.reader, d)]
    if output is not Output.table or not rows:
        empty = "no labelled verdicts yet; `watchroom label` or a label log gives the truth"
        emit([{**row, **_estimated(row, said)} for row in rows], output, empty=empty)
        return
    for row in rows:
        say(f"{_place(row)}, {row['window']}")
        emit(list(_measures(row)), output)
    known = {_place(row): row["n"] for row in rows if row["window"] == "all"}
    for place in dict.fromkeys(_of(d) for d, _ in said if known.get(_of(d), 0) < FEW):
        say(f"{place}, the newest verdicts without labels, by calibrated scores")
        emit([{"measure": e.metric, "value": e.value, "low": e.low, "high": e.high, "warnings": "; ".join(e.warnings)}
              for d, e in said if _of(d) == place], output)  # fmt: skip


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['model']} {row['version']} in {row['environment']}"


def _of(deployment: Deployment) -> str:
    return f"{deployment.model} {deployment.version} in {deployment.environment}"


def _measures(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row of view `performance` as lines of measure, value and bounds."""
    for key, value in row.items():
        if key not in NAMED and "_always_" not in key:
            yield {"measure": key, "value": value, "low": row.get(f"{key}_always_low"),
                   "high": row.get(f"{key}_always_high")}  # fmt: skip


def _estimated(row: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """The estimates of a running version beside its last 1000, for programs; other rows have none."""
    fields: dict[str, Any] = {}
    for deployment, found in said:
        mine = _of(deployment) == _place(row) and row["window"] == "last_1000"
        for end in ("value", "low", "high"):
            fields.setdefault(f"estimated_{found.metric}_{end}", None)
            if mine:
                fields[f"estimated_{found.metric}_{end}"] = getattr(found, end)
    return fields
