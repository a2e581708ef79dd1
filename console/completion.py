"""What the shell offers after Tab, beside commands and options: names that the home knows."""

from __future__ import annotations


def model_names(incomplete: str) -> list[str]:
    """The registered models that begin so; none where there is no home, for a Tab never fails."""
    from storage.errors import WatchroomError
    from storage.home import Home, default_home
    from storage.ledger import Ledger

    home = Home(default_home())
    if not home.ledger.is_file():
        return []
    try:
        with Ledger(home.ledger).read() as connection:
            names = [row["name"] for row in connection.execute("SELECT name FROM model ORDER BY name")]
    except (WatchroomError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def job_names(incomplete: str) -> list[str]:
    """The periodic jobs that begin so."""
    from engine.jobs import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]
