"""The open home with everything that works on it: what a command or a pane is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.config_file import load_config
from engine.detector import names
from engine.manner import configured
from engine.registry import Actor, Registry
from storage.clock import Clock, utc_now
from storage.errors import RefusedError
from storage.home import Home, default_home
from storage.lake import Lake
from storage.ledger import Ledger
from storage.sql import Reader


@dataclass(frozen=True, slots=True)
class Room:
    """A home, its lake and ledger, SQL over both, and the registry as one actor uses it."""

    home: Home
    lake: Lake
    ledger: Ledger
    reader: Reader
    registry: Registry
    clock: Clock
    read_only: bool = False

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        create: bool = False,
        deploy: bool = True,
        read_only: bool = False,
        origin: Literal["cli", "console", "scheduler"] = "cli",
        clock: Clock = utc_now,
    ) -> Room:
        """The room at `path`, else at the default home. Raises UnavailableError where there is none to open.

        With `create` the home is made if it is not there. A new home has every detector registered and, with `deploy`,
        in production, so that what lands is judged from the first line.
        """
        home = Home(path if path is not None else default_home())
        if not create:
            home.require()
        lake = Lake.open(home, clock, lambda: configured(home.config).masking)
        registry = Registry(lake.ledger, Actor.current(origin), clock)
        room = cls(home, lake, lake.ledger, Reader(lake), registry, clock, read_only)
        if create and deploy and not registry.models():
            room._furnish()
        return room

    def _furnish(self) -> None:
        """Register every detector that the configuration does not leave out, and put it into production."""
        config, why = load_config(self.home.config), "first start of this home"
        for name in names():
            wanted = config.models.of(name)
            if wanted.auto_register:
                version = self.registry.register(name, reason=why)
                settings = {**version.defaults, **wanted.settings}
                self.registry.deploy(name, version.version, "production", config=settings, reason=why)

    def writable(self) -> Room:
        """Itself. Raises RefusedError when it was opened read-only: the check stands below every key and command."""
        if self.read_only:
            raise RefusedError("this console is read-only; start it without --read-only to change anything")
        return self

    def newest_version(self, model: str) -> str:
        """The version of `model` that was registered last. Raises UsageError for a model that is not registered."""
        return self.registry.versions(model)[-1].version
