"""The question before a change: on a terminal it is asked, in a script `--yes` must have answered it."""

from __future__ import annotations

import sys

from console.output import say
from storage.errors import RefusedError


def confirm(change: str, *, yes: bool, dry_run: bool) -> bool:
    """Say what would change; whether to go on. Raises RefusedError where nobody can be asked and nobody said yes."""
    say(change)
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
