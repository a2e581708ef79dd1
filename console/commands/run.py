"""`watchroom run`: tail, land and judge until stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.options import FormatOption, HomeOption, OutputOption, PathsArgument
from console.output import Output, emit_one, say

if TYPE_CHECKING:
    from engine.service import Service, Tally

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
    from engine.logbook import open_logbook
    from engine.room import Room
    from engine.service import Service
    from storage.inputs import expand

    expand(paths)
    room = Room.open(home, create=True)
    open_logbook(room.home)
    service = Service(room, paths, format_name=None if format == "auto" else format, environment=env, poll=poll or None)
    if not quiet:
        say(f"watching {len(paths)} place(s), home {room.home.path}; Ctrl-C stops")
    tally, number = _until_signalled(service, Narrator(room.home.log, quiet))
    if not quiet:
        emit_one({"rounds": tally.steps, "verdicts": tally.judged, "flagged": tally.flagged,
                  "failures": len(tally.failures)}, output)  # fmt: skip
    return 128 + number if number else 0


@dataclass
class Narrator:
    """Says after a round what is new: failures always, counts unless `quiet`."""

    log: Path
    quiet: bool
    _said: tuple[int, int] = (0, 0)

    def __call__(self, tally: Tally) -> None:
        """Say it."""
        if tally.failures:
            say(f"a round failed: {tally.failures.pop()}; trying again, details in {self.log}")
        now = (tally.judged, tally.flagged)
        if not self.quiet and now != self._said:
            self._said = now
            say(f"{tally.judged:,} verdicts, {tally.flagged:,} flagged")


def _until_signalled(service: Service, narrate: Narrator) -> tuple[Tally, int]:
    """Run until a signal ends it; what was done, and the signal's number (0: it ended by itself)."""
    import signal
    import threading

    stop = threading.Event()
    received: list[int] = []

    def end(number: int, _frame: object) -> None:
        received.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return service.run(stop, narrate), received[0] if received else 0
