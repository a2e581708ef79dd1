"""`watchroom info`: every path and version in use."""

from __future__ import annotations

from console.options import HomeOption, OutputOption
from console.output import Output, emit_one

PANEL = "Maintenance"


def command(output: OutputOption = Output.table, home: HomeOption = None) -> None:
    """Print the versions and every path that watchroom uses, whether they are there, and what the home holds.

    Example: watchroom info --output json
    """
    import platform
    from importlib.metadata import version

    from storage.home import Home, default_home

    place = Home(home or default_home())
    facts: dict[str, object] = {
        "watchroom": version("watchroom"),
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
        "polars": version("polars"),
        "textual": version("textual"),
        "home": str(place.path),
        "home_exists": place.exists(),
        "lake": str(place.lake),
        "ledger": str(place.ledger),
        "config": str(place.config),
        "log": str(place.log),
    }
    if place.exists():
        from engine.room import Room

        snapshot = Room.open(place.path).lake.snapshot()
        facts["segments"] = len(snapshot.segments)
        facts["rows"] = sum(s.row_count for s in snapshot.segments)
        facts["segment_bytes"] = sum(s.byte_count for s in snapshot.segments)
    emit_one(facts, output)
