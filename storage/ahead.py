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
from storage.tail import Ahead, Batch, Tail

BLOCKS = 3
"""Blocks that are under way at once. Their frames are what bounds the memory of a long ingest."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How batches become segments that are not true yet, and how that is taken back (`Lake.prepare`, `discard`)."""

    prepare: Callable[[Batch], Prepared]
    discard: Callable[[Prepared], None]


@dataclass(frozen=True, slots=True)
class _Underway:
    ahead: Ahead
    done: Future[tuple[Batch, Future[Prepared]] | None]


class ReadAhead:
    """The batches of one source with their segments written, in order, up to where its whole blocks end."""

    def __init__(self, tail: Tail, writing: Writing, clock: Clock) -> None:
        self._tail = tail
        self._writing = writing
        self._clock = clock
        self._blocks = BLOCKS
        self._underway: deque[_Underway] = deque()

    def __iter__(self) -> Iterator[tuple[Batch, Prepared]]:
        """Each batch once the one before it was taken; `tail.place` moves along. Raises RewrittenError and OSError.

        Ends where `Tail.step` has to go on: at the file's last block, or where a whole block had to wait for more.
        """
        with ThreadPoolExecutor(1, "parser") as parser, ThreadPoolExecutor(1, "segment-writer") as writer:
            try:
                while self._fill(parser, writer):
                    first = self._underway.popleft()
                    found = first.done.result()
                    if found is None:
                        return
                    batch, prepared = found[0], found[1].result()
                    self._tail.place = batch.after
                    if batch.after.offset != first.ahead.after.offset:
                        self._drop()
                        self._blocks = 1  # a log whose records wait for others does so in every block
                    yield batch, prepared
            finally:
                self._drop()

    def _fill(self, parser: ThreadPoolExecutor, writer: ThreadPoolExecutor) -> bool:
        """Read ahead as far as allowed; whether anything is under way."""
        while len(self._underway) < self._blocks:
            place = self._underway[-1].ahead.after if self._underway else self._tail.place
            ahead = self._tail.read_ahead(place)
            if ahead is None:
                break
            self._underway.append(_Underway(ahead, parser.submit(self._parse, ahead, writer)))
        return bool(self._underway)

    def _parse(self, ahead: Ahead, writer: ThreadPoolExecutor) -> tuple[Batch, Future[Prepared]] | None:
        batch = self._tail.parse_ahead(ahead, self._clock())
        return (batch, writer.submit(self._writing.prepare, batch)) if batch is not None else None

    def _drop(self) -> None:
        """Let go of what is under way and will not be committed."""
        while self._underway:
            done = self._underway.popleft().done
            if done.cancel() or done.exception() is not None or (found := done.result()) is None:
                continue
            prepared = found[1]
            if not prepared.cancel() and prepared.exception() is None:
                self._writing.discard(prepared.result())
