"""Reading ahead: while one block's rows are committed the next ones are read, parsed and written, on every core.

Blocks are read and cut in order, by one thread, as if no record were held back; parsing and writing them is the work
of a pool. Where a format did hold records back, what was read ahead began too far, so it is dropped and read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from storage.clock import Clock
from storage.lake import Prepared
from storage.tail import Ahead, Batch, Place, Tail

WORKERS = 2
BLOCKS = 4
"""Blocks that are under way at once. Their frames are what bounds the memory of a long ingest."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How batches become segments that are not true yet, and how that is taken back (`Lake.prepare`, `discard`)."""

    prepare: Callable[[Batch], Prepared]
    discard: Callable[[Prepared], None]


@dataclass(frozen=True, slots=True)
class _Underway:
    """A block; `after` is where the next one was taken to begin."""

    after: Place
    done: Future[tuple[Batch, Prepared] | None]


class ReadAhead:
    """The batches of one source with their segments written, in order, up to where its whole blocks end."""

    def __init__(self, tail: Tail, writing: Writing, clock: Clock) -> None:
        self._tail = tail
        self._writing = writing
        self._clock = clock
        self._holds_back = False
        self._underway: deque[_Underway] = deque()

    def __iter__(self) -> Iterator[tuple[Batch, Prepared]]:
        """Each batch once the one before it was taken; `tail.place` moves along. Raises RewrittenError and OSError.

        Ends where `Tail.step` has to go on: at the file's last block, or where a whole block had to wait for more.
        """
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="landing") as pool:
            try:
                while self._fill(pool):
                    first = self._underway.popleft()
                    found = first.done.result()
                    if found is None:
                        return
                    self._tail.place = found[0].after
                    if found[0].after != first.after:
                        self._drop()
                        self._holds_back = True
                    yield found
            finally:
                self._drop()

    def _fill(self, pool: ThreadPoolExecutor) -> bool:
        """Read ahead as far as allowed; whether anything is under way.

        A log whose records wait for others does so in every block: then a block is parsed before the next is read.
        """
        while len(self._underway) < BLOCKS:
            ahead = self._tail.read_ahead(self._underway[-1].after if self._underway else self._tail.place)
            if ahead is None:
                break
            if not self._holds_back:
                self._underway.append(_Underway(ahead.after, pool.submit(self._land, ahead)))
                continue
            batch = self._tail.parse_ahead(ahead, self._clock())
            if batch is None:
                break
            self._underway.append(_Underway(batch.after, pool.submit(self._write, batch)))
        return bool(self._underway)

    def _land(self, ahead: Ahead) -> tuple[Batch, Prepared] | None:
        batch = self._tail.parse_ahead(ahead, self._clock())
        return self._write(batch) if batch is not None else None

    def _write(self, batch: Batch) -> tuple[Batch, Prepared]:
        return batch, self._writing.prepare(batch)

    def _drop(self) -> None:
        """Let go of what is under way and will not be committed."""
        while self._underway:
            done = self._underway.popleft().done
            if not done.cancel() and done.exception() is None and (found := done.result()) is not None:
                self._writing.discard(found[1])
