"""The log of model operations: `ml-monitoring.log`, a line each, with the phrases that people grep for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.channel import Channel, DeliveryError, Notice

LARGEST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the log is; at 10 MB it becomes PATH.1."""

    path: str


class Log(Channel):
    """Appends one line a notice; a line is written whole, whoever else writes."""

    name = "log"
    title = "a log file"
    settings_type = Settings
    every_change = True

    def send(self, notice: Notice) -> None:
        """Append the notice as `TIME [LEVEL] text`."""
        path = Path(self.settings.path)
        try:
            if path.exists() and path.stat().st_size > LARGEST_BYTES:
                path.replace(path.with_name(path.name + ".1"))
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, _line(notice).encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise DeliveryError(f"{path} cannot be written ({error.strerror})") from error

    def send_again(self, notice: Notice) -> None:
        """Append the notice unless its line is there."""
        path, line = Path(self.settings.path), _line(notice).encode()
        for file in (path, path.with_name(path.name + ".1")):
            try:
                if line in file.read_bytes():
                    return
            except OSError:
                continue
        self.send(notice)


def _line(notice: Notice) -> str:
    return f"{notice.created_ts} [{notice.severity.upper()}] {' | '.join((notice.title, *notice.lines))}\n"
