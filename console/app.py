"""The door to the console: checks the terminal, prepares Textual, runs the app, gives the terminal back.

Textual reads its settings when it is imported, so it is imported here only after they are made.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.room import Room

SSH_FPS = "15"
"""Frames a second over SSH: a quarter of the bytes of Textual's own 60, and nobody sees the difference."""


LAST_READS_S = 1.5
"""How long reads that still run are waited for when the console has ended; the terminal is given back already."""


def open_console(room: Room, *, environment: str = "production", follow: Callable[[], str] | None = None,
                 mouse: bool = True) -> int:  # fmt: skip
    """Open the console over `room` and stay until it ends; returns the exit code.

    `follow` says in words what feeds the home; it is called about once a second in a thread. Raises UsageError, naming
    the command that does the same, where there is no terminal to draw on.
    """
    check_terminal(os.environ, is_terminal=all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)))
    prepare(os.environ)
    from console.crash import write_crash
    from console.shell import WatchroomApp

    app = WatchroomApp(room, environment=environment, follow=follow)
    app.run(mouse=mouse)
    code = app.return_code or 0
    if app.failure is not None:
        path = write_crash(room.home, app.failure, room.clock())
        print(f"watchroom: the console ended on an internal error; details in {path}", file=sys.stderr)
        code = 70
    if not app.feed.desks.idle_within(LAST_READS_S):
        atexit.register(leave, code)
    return code


def leave(code: int) -> None:
    """End the process at once: a query still runs in a thread, and Python cannot be taken down around one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def check_terminal(environ: MutableMapping[str, str], *, is_terminal: bool) -> None:
    """Raise UsageError where no console can be drawn."""
    instead = "use `watchroom performance-summary`, `watchroom alerts` or `watchroom sql` instead"
    if not is_terminal:
        raise UsageError(f"the console needs a terminal on stdin, stdout and stderr; {instead}")
    if environ.get("TERM", "") in {"", "dumb"}:
        raise UsageError(f"the terminal (TERM={environ.get('TERM', '')}) cannot move its cursor; {instead}")


def prepare(environ: MutableMapping[str, str]) -> None:
    """Settings that Textual reads when it is imported; what the user set stays."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if "SSH_CONNECTION" in environ or "SSH_TTY" in environ:
        environ.setdefault("TEXTUAL_FPS", SSH_FPS)
