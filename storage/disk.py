"""Every change to the lake's files goes through here, so that a test can make any of them fail, or forget it as a power
cut would: whatever was not synced may be lost or torn.
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """The real disk."""

    def write(self, path: Path, data: bytes) -> None:
        """Make a new file with `data`, synced. Raises OSError; an unfinished file may remain."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its final name; durable once the folder is synced."""
        old.rename(new)

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, each synced in its parent."""
        missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            self.sync_folder(folder.parent)

    def sync_folder(self, path: Path) -> None:
        """Force a folder's entries to disk, so that a file in it is still found after a power cut."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)
