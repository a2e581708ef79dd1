"""The home: one private folder that holds the lake and the ledger. Several processes use it at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.errors import UnavailableError

PRIVATE_UMASK = 0o077
DELTA_LOG = "_delta_log"
"""The folder of a Delta table's log, beside its files (storage/delta.py)."""


def default_home() -> Path:
    """`WATCHROOM_HOME`, else the XDG data folder."""
    named = os.environ.get("WATCHROOM_HOME")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "watchroom"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home. Making a `Home` touches nothing; `create` and `require` do."""

    path: Path

    @property
    def lake(self) -> Path:
        """Folder of the Parquet segments, `TABLE/date=YYYY-MM-DD/...`."""
        return self.path / "lake"

    @property
    def ledger(self) -> Path:
        """The SQLite file that says what is true."""
        return self.path / "ledger.sqlite3"

    @property
    def aside(self) -> Path:
        """Where damaged files are kept, never deleted."""
        return self.path / "aside"

    @property
    def backups(self) -> Path:
        """Copies of the ledger, one a day."""
        return self.path / "backups"

    @property
    def state(self) -> Path:
        """Locks and the like of running processes."""
        return self.path / "state"

    @property
    def config(self) -> Path:
        """The configuration file, if there is one."""
        return self.path / "watchroom.toml"

    @property
    def history(self) -> Path:
        """The statements typed at the SQL prompt."""
        return self.path / "sql_history"

    @property
    def log(self) -> Path:
        """What watchroom itself has to say: unexpected errors whole, one JSON object a line."""
        return self.path / "watchroom.log"

    def lake_files(self) -> list[Path]:
        """Every file of the lake, sorted; the logs of Delta tables beside the segments are none of them."""
        files = self.lake.rglob("*") if self.lake.is_dir() else ()
        return sorted(path for path in files if path.is_file() and DELTA_LOG not in path.parts)

    def exists(self) -> bool:
        """Whether a ledger is here."""
        return self.ledger.is_file()

    def create(self) -> Home:
        """Make the folders, private to the user. Raises UnavailableError with what to do."""
        os.umask(PRIVATE_UMASK)
        try:
            for folder in (self.path, self.lake, self.state):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise UnavailableError(f"the home {self.path} is no folder; choose another with --home") from None
        except OSError as error:
            raise UnavailableError(
                f"the home {self.path} cannot be made ({error.strerror}); choose another with --home"
            ) from None
        self._check_owner()
        return self

    def require(self) -> Home:
        """Itself, if a ledger is here. Raises UnavailableError with what to do."""
        try:
            found = self.exists()
        except OSError:
            found = False
        if not found:
            raise UnavailableError(
                f"no watchroom home at {self.path}; `watchroom run LOG...` makes one, --home names another"
            )
        self._check_owner()
        return self

    def _check_owner(self) -> None:
        """Refuse a home that another user owns or that cannot be written: its truth would be somebody else's."""
        if self.path.stat().st_uid != os.geteuid():
            raise UnavailableError(f"the home {self.path} belongs to another user; choose your own with --home")
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise UnavailableError(f"the home {self.path} cannot be written; choose another with --home")


def set_aside(home: Home, path: Path, now: datetime) -> Path:
    """Move a file of the home to `aside/`, under its own name and the moment."""
    home.aside.mkdir(mode=0o700, exist_ok=True)
    target = home.aside / f"{now:%Y%m%dT%H%M%S}-{path.name}"
    number = 0
    while target.exists():
        number += 1
        target = target.with_name(f"{now:%Y%m%dT%H%M%S}-{number}-{path.name}")
    return path.rename(target)
