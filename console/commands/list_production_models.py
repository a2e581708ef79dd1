"""`watchroom list-production-models`: what runs in production."""

from __future__ import annotations

from console.deployed import show_deployments
from console.options import HomeOption, OutputOption
from console.output import Output

PANEL = "Model Registry"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """List what runs in production: version, settings, since when, by whom and why.

    Example: watchroom list-production-models
    """
    from engine.room import Room

    running = Room.open(home).registry.deployed("production")
    show_deployments(running, output, "nothing is in production; `watchroom deploy-to-production --all` does it")
