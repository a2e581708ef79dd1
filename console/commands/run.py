"""`watchroom run`: tail, land and judge until stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from console.options import FormatOption, HomeOption, OutputOption, PathsArgument
from console.output import Output, emit_one, say

PANEL = "Logs"


def command(
    paths: PathsArgument,
    format: FormatOption = "auto",
    env: Annotated[str, typer.Option("--env", help="Whose models judge: production or staging.")] = "production",
    poll: Annotated[bool, typer.Option("--poll", help="Look each second, await no events: network folders.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")] = False,
    output: OutputOption = Output.table,
    home: HomeOption = None,
) -> int:
    """Tail logs, land them, judge them and raise alerts until stopped (Ctrl-C, SIGTERM).

    Files that appear later in a folder or under a quoted glob are followed too. Stopping loses nothing; the same
    command goes on where it stopped. A new home starts with every model in production.

    Example: watchroom run '/var/log/nginx/*.log' /var/log/postgresql
    """
    import signal
    import threading
    from dataclasses import replace

    from engine.logbook import open_logbook
    from engine.room import Room
    from engine.service import Service, Tally
    from storage.inputs import expand

    expand(paths)
    room = Room.open(home, create=True)
    open_logbook(room.home)
    stop = threading.Event()
    received: list[int] = []

    def end(number: int, _frame: object) -> None:
        received.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    service = Service(room, paths, format_name=None if format == "auto" else format, environment=env)
    if poll:
        service.landing.manner = replace(service.landing.manner, poll=True)
    said = [0, 0]

    def narrate(tally: Tally) -> None:
        if tally.failures:
            say(f"a round failed: {tally.failures.pop()}; trying again, details in {room.home.log}")
        if not quiet and [tally.judged, tally.flagged] != said:
            said[:] = [tally.judged, tally.flagged]
            say(f"{tally.judged:,} verdicts, {tally.flagged:,} flagged")

    if not quiet:
        say(f"watching {len(paths)} place(s), home {room.home.path}; Ctrl-C stops")
    tally = service.run(stop, narrate)
    done = {"rounds": tally.steps, "verdicts": tally.judged, "flagged": tally.flagged, "failures": len(tally.failures)}
    if not quiet:
        emit_one(done, output)
    return 128 + received[0] if received else 0
