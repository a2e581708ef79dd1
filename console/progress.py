"""Progress of long work, on stderr and only on a terminal; a script sees nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.cells import printable

if TYPE_CHECKING:
    from storage.tally import OnProgress, Progress


@contextmanager
def progress(title: str) -> Iterator[OnProgress | None]:
    """A bar while the block runs, a file at a time; it clears itself away at the end. None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as parts
    from rich.console import Console

    columns = (parts.TextColumn("{task.description}"), parts.BarColumn(), parts.DownloadColumn(),
               parts.TransferSpeedColumn(), parts.TimeRemainingColumn())  # fmt: skip
    with parts.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def advance(so_far: Progress) -> None:
            name = printable(so_far.path.name)
            bar.update(task, completed=so_far.done_bytes, total=so_far.total_bytes, description=f"{title} {name}")

        yield advance
