"""Disks that fail at the n-th call, and a disk that forgets at a power cut whatever was not synced."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

from storage.disk import Disk


class PowerCut(BaseException):
    """The machine is off; nothing after this line runs. Not an Exception: no handler may tidy up."""


class FailingDisk(Disk):
    """The real disk, but call number `fails_at` raises; a write that fails leaves a part of its bytes."""

    def __init__(self, fails_at: int, code: int = errno.ENOSPC) -> None:
        self.calls = 0
        self.fails_at = fails_at
        self.code = code

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise OSError(self.code, os.strerror(self.code))

    def write(self, path: Path, data: bytes) -> None:
        try:
            self._count()
        except OSError:
            path.write_bytes(data[: len(data) // 2])
            raise
        super().write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def make_folder(self, path: Path) -> None:
        self._count()
        super().make_folder(path)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)


class FullDisk(Disk):
    """The real disk, but nothing can be written while it is `full`."""

    full = False

    def write(self, path: Path, data: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(path, data)


class ForgetfulDisk(Disk):
    """The real disk until call number `cut_at`: then the power goes, and what no folder sync covered is lost or torn.

    A file's bytes are synced by `write`, its name only by `sync_folder`. What has no synced name may be there or
    not, under its old name or its new one, and bytes of a write that was under way are there in part.
    """

    def __init__(self, cut_at: int, seed: int) -> None:
        self.calls = 0
        self.cut_at = cut_at
        self.random = random.Random(seed)
        self._unsynced: list[tuple[Path, Callable[[], None]]] = []

    def _step(self, path: Path | None = None, data: bytes = b"") -> None:
        self.calls += 1
        if self.calls != self.cut_at:
            return
        if path is not None:
            path.write_bytes(data[: self.random.randint(0, len(data))])
        for _, forget in reversed(self._unsynced):
            if self.random.random() < 0.6:
                forget()
        raise PowerCut

    def write(self, path: Path, data: bytes) -> None:
        self._step(path, data)
        super().write(path, data)
        self._unsynced.append((path, lambda: path.unlink(missing_ok=True)))

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)
        self._unsynced = [(new, lambda: new.unlink(missing_ok=True)) if p == old else (p, f) for p, f in self._unsynced]
        if self.random.random() < 0.5:
            self._unsynced.append((new, lambda: _back(new, old)))

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def sync_folder(self, path: Path) -> None:
        self._step()
        super().sync_folder(path)
        self._unsynced = [(p, f) for p, f in self._unsynced if p.parent != path]

    def remove(self, path: Path) -> None:
        if self.calls < self.cut_at:  # after the cut nobody tidies up
            super().remove(path)


def _back(new: Path, old: Path) -> None:
    if new.exists():
        new.rename(old)
