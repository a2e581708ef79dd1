"""`watchroom verify-systems`: does everything work?"""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Monitoring"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> int:
    """Try every system: detectors, registry, event log, views, disk, configuration, jobs; ends with 1 on a failure.

    Each is tried, not asked: a detector loads and judges, a view answers, the log's chain is computed anew.

    Example: watchroom verify-systems --output json
    """
    from dataclasses import asdict

    from engine.room import Room
    from engine.systems import verify_systems

    found = verify_systems(Room.open(home))
    emit([asdict(system) for system in found], output)
    return 1 if any(system.state == "failed" for system in found) else 0
