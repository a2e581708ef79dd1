"""A recording played as live traffic: the same bytes, their times moved so that they end now.

Times move by whole minutes, so that what fell into one clock minute still does. At speed S the recording takes its
length divided by S; what is written always carries times that have passed.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from storage.clock import Clock
from storage.errors import InputError
from storage.schema import TIME

MINUTE = timedelta(minutes=1)
CLF = "%d/%b/%Y:%H:%M:%S"
MILLISECONDS = "%Y-%m-%d %H:%M:%S%.3f"


@dataclass(frozen=True, slots=True)
class Stamped:
    """How times stand in the lines of a log: `pattern` has three groups (before, time, after)."""

    pattern: str
    form: str
    shown: str
    """The strftime form that writes the time back, of the same length as it was read."""


STAMPS: dict[str, tuple[Stamped, ...]] = {
    ".log": (
        Stamped(r"^(\S+ \S+ .*?\[)(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d)( \+0000\].*)$", CLF, CLF),
        Stamped(r"^()(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})( UTC.*)$", MILLISECONDS, MILLISECONDS),
    ),
    ".jsonl": (
        Stamped(r'^(.*?"ts": ?")([^"]+)(Z".*)$', "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.6f"),
        Stamped(r'^(.*?"window_start": ?")([^"]+)(Z".*)$', "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.6f"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recording:
    """Logs as one stream of lines: `file`, `due` (when a line was written), `line`; in order of `due`."""

    lines: pl.DataFrame
    names: tuple[str, ...]

    @property
    def start(self) -> datetime:
        """When the first line was written."""
        return self._edge(first=True)

    @property
    def end(self) -> datetime:
        """When the last line was written."""
        return self._edge(first=False)

    def _edge(self, *, first: bool) -> datetime:
        moment = self.lines["due"].min() if first else self.lines["due"].max()
        assert isinstance(moment, datetime)
        return moment

    def moved(self, by: timedelta) -> Recording:
        """The same recording with every time in it moved."""
        parts = [
            _moved_file(part, Path(name), by)
            for name, part in ((n, self.lines.filter(pl.col("file") == n)) for n in self.names)
        ]
        return Recording(pl.concat(parts).sort("due", maintain_order=True), self.names)


def load_recording(folder: Path) -> Recording:
    """The logs of a folder. Raises InputError where there is none that carries times this can move."""
    files = sorted(p for p in folder.iterdir() if p.suffix in STAMPS) if folder.is_dir() else []
    if not files:
        raise InputError(f"no recording in {folder}: it holds neither .log nor .jsonl files")
    parts = [_stamped_lines(path) for path in files]
    return Recording(pl.concat(parts).sort("due", maintain_order=True), tuple(p.name for p in files))


def _stamped_lines(path: Path) -> pl.DataFrame:
    """A file's lines with the time of each; a line without one belongs to the line before it."""
    text = path.read_bytes().decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode("utf-8")
    lines = pl.DataFrame({"line": text.split("\n")[:-1]}, schema={"line": pl.String})
    due = pl.coalesce(
        pl.col("line").str.extract(s.pattern, 2).str.to_datetime(s.form, time_unit="us", strict=False)
        .dt.replace_time_zone("UTC")
        for s in STAMPS[path.suffix][: 2 if path.suffix == ".log" else 1]
    )  # fmt: skip
    return lines.select(
        pl.lit(path.name).alias("file"),
        due.cast(TIME).forward_fill().backward_fill().cum_max().alias("due"),
        pl.col("line"),
    )


def _moved_file(part: pl.DataFrame, path: Path, by: timedelta) -> pl.DataFrame:
    line = pl.col("line")
    for stamp in STAMPS[path.suffix]:
        moved = (
            line.str.extract(stamp.pattern, 2).str.to_datetime(stamp.form, time_unit="us", strict=False) + by
        ).dt.strftime(stamp.shown)
        whole = pl.concat_str(line.str.extract(stamp.pattern, 1), moved, line.str.extract(stamp.pattern, 3))
        line = pl.coalesce(whole, line)
    return part.with_columns(line.alias("line"), pl.col("due") + by)


def whole_minutes(span: timedelta) -> timedelta:
    """`span` cut down to whole minutes."""
    return span // MINUTE * MINUTE


@dataclass(slots=True)
class Playback:
    """A recording on its way into files; `progress` (0..1) is the share of its time that has been written."""

    recording: Recording
    target: Path
    speed: float
    progress: float = 0.0

    def prepare(self, clock: Clock, *, begin: float = 0.0) -> None:
        """Move the recording so that it will end now, and write its first share `begin` (0..1) at once."""
        self.target.mkdir(parents=True, exist_ok=True)
        length = self.recording.end - self.recording.start
        ahead = clock() + length * (1.0 - begin) / self.speed - self.recording.end
        self.recording = self.recording.moved(whole_minutes(ahead))
        self._write(self.recording.start + length * begin, None)
        self.progress = begin

    def advance(self, progress: float) -> None:
        """Write what was due until this share (0..1) of the recording."""
        start, length = self.recording.start, self.recording.end - self.recording.start
        until = self.recording.end if progress >= 1.0 else start + length * progress
        self._write(until, start + length * self.progress)
        self.progress = progress

    def play(self, stop: threading.Event, *, tick_s: float = 0.2) -> None:
        """Write the rest, `speed` times as fast as it happened, until its end or until `stop` is set."""
        length_s = (self.recording.end - self.recording.start).total_seconds()
        first, began_s = self.progress, time.monotonic()
        while self.progress < 1.0 and not stop.wait(tick_s):
            played_s = (time.monotonic() - began_s) * self.speed
            self.advance(min(1.0, first + played_s / max(length_s, 1e-9)))

    def _write(self, until: datetime, after: datetime | None) -> None:
        """Append what was due after one moment and until another; each file gets its lines in one write."""
        due = pl.col("due") <= until
        part = self.recording.lines.filter(due if after is None else due & (pl.col("due") > after))
        for name, lines in part.partition_by("file", as_dict=True, maintain_order=True).items():
            with (self.target / str(name[0])).open("ab") as sink:
                sink.write(("\n".join(lines["line"]) + "\n").encode())
