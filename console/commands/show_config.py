"""`watchroom show-config`: a model's settings."""

from __future__ import annotations

from console.options import EnvironmentOption, HomeOption, ModelArgument, OutputOption
from console.output import Output, emit

PANEL = "Model Registry"


def command(
    model: ModelArgument,
    env: EnvironmentOption = "production",
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> None:
    """Show the settings a model runs with, beside their defaults.

    Example: watchroom show-config n1-detector --output json
    """
    from engine.detector import load, names
    from engine.room import Room

    deployed = Room.open(home).registry.config(model, env)
    defaults = load(model).defaults() if model in names() else {}
    emit(
        [
            {"setting": key, "value": value, "default": defaults.get(key), "config_revision": deployed.config_revision}
            for key, value in deployed.config.items()
        ],
        output,
    )
