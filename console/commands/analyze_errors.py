"""`watchroom analyze-errors`: what a model gets wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import EnvironmentOption, HomeOption, LimitOption, ModelArgument, OutputOption
from console.output import Output, emit
from storage.errors import UsageError

PANEL = "Monitoring"
GROUPS = ("error", "n", "share", "mean_score", "margin", "right_with_same_reason", "newest_subject", "reason")
SINGLE = ("ts", "error", "subject", "score", "threshold", "margin", "labelled_by", "reason")


def command(
    model: ModelArgument,
    env: EnvironmentOption = "production",
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days back from the newest verdict; all.")] = None,
    features: Annotated[bool, typer.Option("--features", help="Which features set the mistakes apart.")] = False,
    single: Annotated[bool, typer.Option("--single", help="Every mistake, the newest first.")] = False,
    limit: LimitOption = None,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Analyse a model's mistakes: grouped by its reason without figures, or by what features set them apart.

    A small `margin` means that another threshold would have been right, a great one that the model was sure and wrong
    (or the label is). With --features, `auc` is the chance that a mistake has the greater value than a right verdict.

    Example: watchroom analyze-errors waf-behavioral --features --limit 10
    """
    from engine.error_analysis import groups, separating_features
    from engine.monitor import errors
    from engine.room import Room

    if features and single:
        raise UsageError("say one of --features, --single")
    room = Room.open(home)
    room.registry.model(model)
    none = "no labelled verdict is wrong"
    if single:
        emit(errors(room.reader, model, env, limit or 1_000_000_000), output, columns=SINGLE, limit=limit, empty=none)
    elif features:
        found = separating_features(room.reader, model, env, days)
        emit(found, output, limit=limit, empty="too few mistakes to compare features")
    else:
        emit(groups(room.reader, model, env, days), output, columns=GROUPS, limit=limit, empty=none)
