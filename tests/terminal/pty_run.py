"""A program on a terminal of its own: what it writes, byte for byte, and keys sent to it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

QUIET_S = 0.3
"""A program that wrote nothing for so long has drawn what it had to."""
PATIENCE_S = 60.0
"""Longest wait for something to appear; only a hang takes this long."""


class OnTerminal:
    """`arguments` of Python run on a new terminal of `columns` x `rows`; `output` is all that was written to it."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], columns: int = 80, rows: int = 24) -> None:
        self.output = b""
        self.status: int | None = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(Path(__file__).parents[2])
            os.execve(sys.executable, [sys.executable, *arguments], dict(environ))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pump(self, seconds: float) -> bool:
        """Read for at most so long; False once the program closed its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def wait_for(self, words: bytes, since: int = 0) -> None:
        """Until the words were written after the first `since` bytes. Fails with what was written instead."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.output[since:]:
            assert time.monotonic() < end and self.pump(0.2), f"no {words!r} in {self.output[since:][-3000:]!r}"

    def send(self, keys: bytes) -> int:
        """Type, once it is quiet; returns how much had been written before."""
        self.rest(QUIET_S)
        before = len(self.output)
        os.write(self.fd, keys)
        return before

    def rest(self, seconds: float) -> None:
        """Until nothing was written for so long."""
        end = time.monotonic() + PATIENCE_S
        while select.select([self.fd], [], [], seconds)[0] and self.pump(0):
            assert time.monotonic() < end, f"never rests: {self.output[-2000:]!r}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Wait for its end; the exit code, or minus the signal that ended it."""
        end = time.monotonic() + PATIENCE_S
        while self.status is None:
            self.pump(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if done else None
            assert time.monotonic() < end, f"still runs: {self.output[-2000:]!r}"
        while self.pump(0.05) and select.select([self.fd], [], [], 0)[0]:
            pass
        return self.status

    def close(self) -> None:
        """End it, whatever it does."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
