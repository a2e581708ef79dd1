"""The contract of an alert channel: where a notice goes. One file in `engine/channels/` is one channel, found by name.

A channel is configured as a table of settings. A setting that is a secret is written as `env:NAME` or `file:PATH`, so
that the configuration itself can be shown to anybody.
"""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from storage.discovery import member_class, member_names
from storage.errors import ConfigError, UsageError

RANK = {"info": 0, "warning": 1, "critical": 2}


class DeliveryError(Exception):
    """A notice could not be delivered; `retry_after_s` is what the receiver asked for, `permanent`: never try again."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None, permanent: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: `key` stays the same when the same notice is sent again, `thread` for all of the same cause.

    `kind` is fired, repeated, escalated, resolved, flapping, changed, digest, weekly or test; `lines` are plain text,
    free of control characters.
    """

    key: str
    kind: str
    severity: str
    title: str
    lines: tuple[str, ...]
    thread: str
    created_ts: str
    alert_ids: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """Title and lines as one text."""
        return "\n".join((self.title, *self.lines))


@dataclass(frozen=True, slots=True)
class Routing:
    """What a channel is told, whatever kind it is."""

    label: str = ""
    """Its own name, where there are two of a kind."""
    min_severity: str = "warning"
    """Less severe alerts are not told here."""
    escalate_after_minutes: float = 0.0
    """Told only of critical alerts that nobody took on for so long; 0: told at once."""


class Channel(ABC):
    """One way to tell people. Settings are a frozen dataclass of the subclass, `settings_type`."""

    name: ClassVar[str]
    title: ClassVar[str]
    settings_type: ClassVar[type[Any]]
    every_change: ClassVar[bool] = False
    """Whether it is told of every change at once, without limits: a log is, people are not."""

    def __init__(self, settings: Any, routing: Routing | None = None) -> None:
        self.settings = settings
        self.routing = routing or Routing()

    @property
    def label(self) -> str:
        """What the outbox calls it."""
        return self.routing.label or self.name

    @abstractmethod
    def send(self, notice: Notice) -> None:
        """Deliver a notice. Raises DeliveryError."""

    def send_again(self, notice: Notice) -> None:
        """Deliver a notice of which it is not known whether it was sent: a channel that can tell sends it once."""
        self.send(notice)


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all kinds of channel, found without importing them."""
    import engine.channels as package

    return member_names(package)


@functools.cache
def load(name: str) -> type[Channel]:
    """The channel class of that name. Raises UsageError naming the channels there are."""
    if name not in names():
        raise UsageError(f"no channel {name!r}; there are {', '.join(names())}")
    import engine.channels as package

    found = member_class(package, name, Channel)  # type: ignore[type-abstract]  # the base stands for its kinds
    if found.name != name:
        raise TypeError(f"{found.__module__} must name its channel {name!r}, not {found.name!r}")
    return found


def configured(name: str, values: Mapping[str, Any]) -> Channel:
    """A channel from its table of settings. Raises ConfigError naming the nearest known key."""
    kind = load(name)
    routing = {f.name: values[f.name] for f in fields(Routing) if f.name in values}
    known = {f.name: f for f in fields(kind.settings_type)}
    own = {key: value for key, value in values.items() if key not in routing}
    for key in own:
        if key not in known:
            near = get_close_matches(key, [*known, *(f.name for f in fields(Routing))], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise ConfigError(f"channel {name} has no setting {key!r}{hint}")
    if routing.get("min_severity", "warning") not in RANK:
        raise ConfigError(f"channel {name}: min_severity is info, warning or critical")
    try:
        settings = kind.settings_type(**{key: _revealed(name, key, value) for key, value in own.items()})
    except TypeError as error:
        missing = str(error).partition("argument")[2].strip(" s:") or str(error)
        raise ConfigError(f"channel {name} needs {missing}") from error
    return kind(settings, Routing(**routing))


def _revealed(channel: str, key: str, value: Any) -> Any:
    """A setting with `env:NAME` or `file:PATH` looked up."""
    if not isinstance(value, str):
        return value
    kind, found, where = value.partition(":")
    if kind == "env" and found:
        if where not in os.environ:
            raise ConfigError(
                f"channel {channel}: {key} is taken from the environment variable {where}, which is not set"
            )
        return os.environ[where]
    if kind == "file" and found:
        try:
            return Path(where).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"channel {channel}: {key} cannot be read from {where} ({error.strerror})") from error
    return value
