"""`watchroom cache-warmup`: load what the first question of any process would wait for."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit, say

PANEL = "Maintenance"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """Load what is deployed into the cache that all processes of the home share, and show how it fares.

    A process that starts later begins with it, until a deployment is made or MODEL_REGISTRY_CACHE_TTL is over. The
    newest figures are read once as well, so that their files are in the system's memory.

    Example: watchroom cache-warmup
    """
    from datetime import timedelta

    from engine.config_file import load_config
    from engine.registry_cache import RegistryCache
    from engine.room import Room
    from storage.clock import monotonic_s

    room = Room.open(home)
    began_s = monotonic_s()
    ttl = timedelta(seconds=load_config(room.home.config).registry.cache_ttl_s)
    held = RegistryCache(room.registry, room.home.state, ttl).warm()
    figures = room.reader.query("SELECT count(*) AS n FROM performance_now").item()
    say(f"{held} deployments and the figures of {figures} read in {1000 * (monotonic_s() - began_s):.0f} ms")
    emit(room.reader.query("SELECT * FROM cache_health"), output,
         empty="no look-up is counted yet; `watchroom run` counts them")  # fmt: skip
