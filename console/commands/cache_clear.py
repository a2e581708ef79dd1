"""`watchroom cache-clear`: drop what is remembered of the registry."""

from __future__ import annotations

from console.confirm import writable
from console.options import HomeOption, OutputOption
from console.output import Output, emit_one, say

PANEL = "Maintenance"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """Make every process of this home drop what it remembers of the registry and ask the ledger again.

    Nothing can be lost by it: the cache holds copies. A change of a deployment drops them by itself.

    Example: watchroom cache-clear
    """
    from engine.registry_cache import NAME, RegistryCache
    from engine.room import Room

    writable()
    room = Room.open(home)
    RegistryCache(room.registry, room.home.state).clear()
    emit_one({"cache": NAME, "cleared": room.clock()}, output)
    say("cleared: each process asks the ledger at its next look-up")
