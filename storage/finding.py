"""Which files are there now, under patterns whose files come and go, without looking at each of them every second.

A folder's time of change tells that a file came, left or was renamed. Times have a grain, and some file systems keep
none, so after a change the folders are read twice more, and every tenth look reads them anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage.inputs import folders, present

Key = tuple[int, int]
"""Device and inode."""

_TWICE_MORE = 2
_ANYWAY = 10


class Finder:
    """Looks under patterns again and again; `always` reads the folders each time."""

    def __init__(self, patterns: Sequence[Path], *, always: bool = False) -> None:
        self.patterns = patterns
        self.always = always
        self.files: dict[Key, Path] = {}
        """The files that the last look found."""
        self._changed_ns: dict[Path, int] = {}
        self._due = 0
        self._looks = 0

    def look(self) -> bool:
        """Look again; says whether the folders were read, and so `files` may have changed."""
        self._looks += 1
        if {folder: _changed_ns(folder) for folder in self._changed_ns} != self._changed_ns or not self._changed_ns:
            self._due = 1 + _TWICE_MORE
        if not self._due and self._looks % _ANYWAY and not self.always:
            return False
        self._due = max(self._due - 1, 0)
        self._changed_ns = {folder: _changed_ns(folder) for folder in folders(self.patterns)}
        self.files = {}
        for path in present(self.patterns):
            try:
                status = path.stat()
            except OSError:
                continue
            self.files[status.st_dev, status.st_ino] = path
        return True

    def folders(self) -> set[Path]:
        """The folders that were looked at."""
        return set(self._changed_ns)


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1
