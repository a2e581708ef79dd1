"""The question before a change: on a terminal it is asked, in a script `--yes` must have answered it."""

from __future__ import annotations

import os
import sys

from console.output import say
from storage.errors import RefusedError

READ_ONLY = "WATCHROOM_READ_ONLY"
"""The environment variable that `--read-only` sets, for the console and for every command that changes something."""


def is_read_only() -> bool:
    """Whether this watchroom must change nothing."""
    return os.environ.get(READ_ONLY, "") not in {"", "0"}


def writable() -> None:
    """Raise RefusedError in a read-only watchroom; for commands that change something without asking."""
    if is_read_only():
        raise RefusedError("this watchroom is read-only; leave out --read-only to change anything")


def confirm(change: str, *, yes: bool, dry_run: bool) -> bool:
    """Say what would change; whether to go on. Raises RefusedError where nobody can be asked and nobody said yes."""
    say(change)
    if not dry_run:
        writable()
    if dry_run:
        say("dry run: nothing was changed")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise RefusedError("not confirmed: there is no terminal to ask on; say --yes to do it")
    sys.stderr.write("Do it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise RefusedError("not confirmed; nothing was changed")
    return True
