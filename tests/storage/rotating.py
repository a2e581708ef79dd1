"""A folder of logs that are rotated while somebody follows them: the oracle is numbered lines, each seen once."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from storage.following import Follower
from storage.lake import Lake
from storage.manner import Rhythm
from tests.storage.following import PATIENT, following, sweep_to_rest


class Watched:
    """A folder that is followed, in one of three ways.

    `alive`: by one process that lives on. `killed`: before each look the process was killed and started anew.
    `polling`: alive, on a file system that sends no events and keeps no folder's times.
    """

    def __init__(self, lake: Lake, folder: Path, pattern: str, way: str) -> None:
        self.lake = lake
        self.folder = folder
        self.pattern = f"{folder}/{pattern}"
        self.log = folder / "app.log"
        self.way = way
        self.format_name: str | None = "jsonl"
        self._held: list[object] = []
        self._follower: Follower | None = None

    def look(self, rhythm: Rhythm = PATIENT, *, few: int | None = None) -> Follower:
        """Sweep until nothing more lands, with no more than `few` files open at a time."""
        if self.way == "killed" or self._follower is None:
            self.stop()
            context = following(
                self.lake, [self.pattern], rhythm, format_name=self.format_name, poll=self.way == "polling"
            )
            self._follower = context.__enter__()
            self._held.append(context)  # what is not referred to is closed, and with it the follower
        self._follower.sweeper.rhythm = rhythm
        self._follower.sweeper.files_allowed = few or 1000
        sweep_to_rest(self._follower)
        return self._follower

    def stop(self) -> None:
        """The process is no more."""
        if self._follower is not None:
            self._follower.close()
        self._follower = None

    def gaps(self) -> list[tuple[int | None, str]]:
        """What is told to be lost: bytes and reason."""
        with self.lake.ledger.read() as connection:
            return [(r["byte_count"], r["reason"]) for r in connection.execute("SELECT * FROM gap ORDER BY id")]

    def rejects(self) -> int:
        """How many records were rejected."""
        return self.lake.scan("rejects").collect().height

    def statements(self) -> list[str]:
        """The statements in the lake by time, each with its white space made one blank."""
        found = self.lake.scan("queries").collect().sort("ts", "byte_offset")["sql"].to_list()
        return [" ".join(sql.split()) for sql in found]


Make = Callable[[str], Watched]
"""Makes a followed folder for a pattern of files (the fixture `watched`)."""

polled = pytest.mark.parametrize("watched", ["alive", "killed", "polling"], indirect=True)
"""The test runs in all three ways."""


def compress(path: Path, target: Path) -> None:
    """What logrotate's `compress` does: the packed copy, then the plain file goes."""
    packers: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress,
    }  # fmt: skip
    target.write_bytes(packers[target.suffix](path.read_bytes()))
    path.unlink()


def recreate_with_inode(path: Path, inode: int, data: bytes) -> bool:
    """Make `path` anew until it has the inode that was freed; whether the file system gave it back."""
    spare: list[Path] = []
    for number in range(300):
        path.touch()
        if path.stat().st_ino == inode:
            break
        spare.append(path.rename(path.with_name(f".spare{number}")))
    same = path.exists()
    path.write_bytes(data)
    for other in spare:
        other.unlink()
    return same
