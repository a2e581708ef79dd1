"""Who acts: the person behind a command, a key or a job, as far as the system can tell."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from typing import Literal

Where = Literal["cli", "console", "scheduler"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A user's name, from where they act, and the host; with the terminal and, over SSH, where they came from."""

    name: str
    origin: Where
    host: str

    @classmethod
    def current(cls, origin: Where) -> Actor:
        """The OS user of this process. The kernel's user id decides, not `$USER`, which anyone can set."""
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = f"uid {os.getuid()}"
        host = socket.gethostname()
        ssh = os.environ.get("SSH_CONNECTION", "").split()
        return cls(name, origin, " ".join((host, *_terminal(), *(("from", ssh[0]) if ssh else ()))))

    @property
    def is_person(self) -> bool:
        """Whether a person acts; the scheduler never approves anything."""
        return self.origin != "scheduler"

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"


def _terminal() -> tuple[str, ...]:
    """The terminal that this process is attached to, if it is to any."""
    for stream in (0, 1, 2):
        try:
            return (os.ttyname(stream).removeprefix("/dev/"),)
        except OSError:
            continue
    return ()
