"""Opens the console over a home whose clock stands still: the program that the terminal tests run."""

from __future__ import annotations

import sys
from pathlib import Path

from console.app import open_console
from tests.console.homes import Hands, open_room


def main() -> int:
    """Open the home named first; with `boom` after it, fail once everything is drawn."""
    room = open_room(Path(sys.argv[1]), Hands())
    if "boom" in sys.argv:
        from console.panes.alerts import AlertsPane

        def boom(self: AlertsPane, snapshot: object) -> None:
            secret = "hunter2-in-a-local"
            raise ValueError(f"no such thing, {len(secret)}")

        AlertsPane.draw = boom  # type: ignore[method-assign]
    return open_console(room)


if __name__ == "__main__":
    sys.exit(main())
