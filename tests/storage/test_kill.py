"""A process that lands may be killed anywhere: nothing is lost and nothing is doubled.

The processes are real and die by SIGKILL; they are forked from a server that has the imports done, so that the kills
fall into the work and not into the start.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
from storage.manner import Manner, Rhythm
from tests.storage.numbered import request_lines, seen_requests

KILLS = 50
BUSY = Rhythm(sweep_s=0.01, commit_s=0.0, idle_s=0.005, rotate_wait_s=0.02)


def land_for_ever(home: Path, pattern: str, committed: Connection) -> None:
    """The victim: follows until it is killed, committing as often as it can, unfinished last lines included."""
    lake = Lake.open(Home(home))
    landing = Landing(lake, format_name="combined", manner=Manner(rhythm=BUSY))
    landing.follow([pattern], stop=threading.Event(), on_commit=committed.send)


class Writer(threading.Thread):
    """Appends numbered lines in pieces that end anywhere, and now and then renames the file away."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__()
        self.folder = folder
        self.random = random.Random(seed)
        self.done = threading.Event()
        self.written = 0

    def run(self) -> None:
        rotations = 0
        while not self.done.is_set():
            path = self.folder / "app.log"
            with path.open("ab", buffering=0) as out:
                for _ in range(self.random.randint(1, 60)):
                    count = self.random.randint(1, 8)
                    data = request_lines(range(self.written, self.written + count))
                    cut = self.random.randint(0, len(data))
                    out.write(data[:cut])
                    time.sleep(0.0005)
                    out.write(data[cut:])
                    self.written += count
                    time.sleep(self.random.random() * 0.004)
            if self.random.random() < 0.2:
                rotations += 1
                path.rename(self.folder / f"app.log.{rotations}")


def test_fifty_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    """Case 18 again: SIGKILL between any two instructions, rotations and half lines among them."""
    logs = tmp_path / "logs"
    logs.mkdir()
    home = tmp_path / "home"
    seed = int.from_bytes(os.urandom(4), "little")
    chance = random.Random(seed)
    writer = Writer(logs, seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["storage.landing", "storage.formats.combined"])
    writer.start()
    try:
        for kill in range(KILLS):
            committed, told = context.Pipe(duplex=False)
            victim = context.Process(target=land_for_ever, args=(home, f"{logs}/*", told))
            victim.start()
            if kill % 5:  # the others die while they start and recover
                assert committed.poll(60)
            time.sleep(chance.random() * 0.06)
            assert victim.is_alive(), f"the victim ended by itself (seed {seed})"
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            committed.close()
            told.close()
    finally:
        writer.done.set()
        writer.join()
    lake = Lake.open(Home(home))
    commits = lake.snapshot().commit_id
    Landing(lake, format_name="combined").ingest([logs])
    assert seen_requests(lake) == list(range(writer.written)), f"seed {seed}"
    assert commits > KILLS, "the victims hardly landed anything"
    lake.ledger.close()
