"""`watchroom list-models`: what is registered."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Model Registry"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """List the registered models with their newest version, where each runs, and when an alert is raised.

    Example: watchroom list-models --output json
    """
    from engine.room import Room

    room = Room.open(home)
    running = {(d.model, d.environment): d.version for d in room.registry.deployed()}
    rows = [
        {
            "model": m.name,
            "newest": room.newest_version(m.name),
            "production": running.get((m.name, "production")),
            "staging": running.get((m.name, "staging")),
            "accuracy_limit": m.alert_accuracy,
            "severity": m.alert_severity,
            "versions": len(room.registry.versions(m.name)),
        }
        for m in room.registry.models()
    ]
    emit(rows, output, empty="no models are registered; `watchroom register-all-models` does it")
