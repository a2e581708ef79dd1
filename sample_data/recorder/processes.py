"""Processes the recorder starts, and ends again by their ids whatever happens."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {"nginx": "nginx-light", "redis-server": "redis-server", "postgres": "postgresql"}


class RecordError(Exception):
    """Something could not be started; the text is one line for the user."""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(name: str) -> str:
    """The path of a server program, installed with apt-get where it is missing."""
    path = _look(name)
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        # A policy that says 101 keeps the package from starting its own server.
        policy = Path("/usr/sbin/policy-rc.d")
        made = not policy.exists()
        if made:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        try:
            for command in (["update", "-q"], ["install", "-q", "-y", PACKAGES[name]]):
                subprocess.run(["apt-get", *command], env=environment, check=False, capture_output=True)
        finally:
            if made:
                policy.unlink()
        path = _look(name)
    if path is None:
        raise RecordError(f"{name} is missing: install the package {PACKAGES[name]}")
    return path


def _look(name: str) -> str | None:
    if name == "postgres":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if found:
            return str(found[-1])
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def children(pid: int) -> list[int]:
    """The direct children of a process, from /proc."""
    try:
        raw = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(part) for part in raw.split()]


def _descendants(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *_descendants(child)]
    return found


@dataclass(slots=True)
class Running:
    """One started process and the signal that ends it politely."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals


@dataclass(slots=True)
class Processes:
    """Everything started, ended in reverse order."""

    running: list[Running] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> subprocess.Popen[bytes]:
        """Start a program with its output in a file."""
        with log.open("ab") as out:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=env,
                    start_new_session=True,
                )
            except OSError as error:
                raise RecordError(f"cannot start {name}: {error}") from error
        self.running.append(Running(name, process, stop_signal))
        return process

    def wait_for(self, name: str, ready: Callable[[], bool], log: Path, seconds: float = 40) -> None:
        """Wait until a server answers, or say in one line why it does not."""
        process = next(r.process for r in self.running if r.name == name)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            if ready():
                return
            time.sleep(0.05)
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
        raise RecordError(f"{name} did not start: {' '.join(tail) or 'no answer'}")

    def stop(self, name: str) -> None:
        """End one process politely, then firmly, and whatever it had started."""
        for entry in [r for r in self.running if r.name == name]:
            below = _descendants(entry.process.pid)
            if entry.process.poll() is None:
                entry.process.send_signal(entry.stop_signal)
                try:
                    entry.process.wait(15)
                except subprocess.TimeoutExpired:
                    entry.process.kill()
                    entry.process.wait()
            for pid in below:
                with contextlib.suppress(ProcessLookupError):
                    if _parent_gone(pid):
                        os.kill(pid, signal.SIGKILL)
            self.running.remove(entry)

    def stop_all(self) -> None:
        """End everything, last started first."""
        for entry in reversed(list(self.running)):
            self.stop(entry.name)


def _parent_gone(pid: int) -> bool:
    """Is this still the orphan of a server that has just ended?"""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return False
    return parent == 1


def answers(port: int) -> bool:
    """Does something accept connections on this loopback port?"""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False
