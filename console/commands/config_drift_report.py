"""`watchroom config-drift-report`: settings that are not what they were meant to be."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit

PANEL = "Maintenance"
COLUMNS = ("model", "environment", "version", "against", "setting", "value", "meant", "since", "by", "kind", "reason")


def command(output: OutputOption = Output.table, home: HomeOption = None) -> int:
    """List what runs otherwise than meant; ends with 1 when anything does.

    Held against: the settings that the version was registered with, the configuration file, the same version in
    staging, the registered code, and what the newest verdicts were given with (live). `since`, `by` and `kind` tell the
    deployment that brought the present value: a drift of kind tune is one that was proved.

    Example: watchroom config-drift-report --output markdown
    """
    from engine.config_drift import drift
    from engine.config_file import load_config
    from engine.room import Room

    room = Room.open(home)
    rows = drift(room.reader, room.registry, load_config(room.home.config))
    emit(rows, output, columns=COLUMNS, empty="everything runs as it was registered and configured")
    return 1 if rows else 0
