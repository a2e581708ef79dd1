"""Landing against a model: any program of writes, rotations, truncations, kills, damage, merges and clock jumps.

What was written is seen exactly once; only lines that had not landed when their bytes were destroyed may be missing.
A short run belongs to every test run, a long one to `make soak`.
"""

from __future__ import annotations

import bz2
import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.backup import back_up
from storage.compaction import compact, remove_superseded
from storage.doctor import repair
from storage.home import Home
from storage.lake import Lake
from tests.conftest import HeldClock
from tests.storage.faulty_disk import FullDisk
from tests.storage.following import AT_ONCE, PATIENT, following, sweep_to_rest
from tests.storage.numbered import line, seen

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress,
}  # fmt: skip
HARMED_LEDGERS = {"gone": b"", "empty": b"", "nul": bytes(8192), "torn": b"SQLite format 3\0" + b"torn" * 500}
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Machine(RuleBasedStateMachine):
    """A log, its writer, and a watchroom that is alive or dead."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="watchroom-model-"))
        (self.folder / "logs").mkdir()
        self.log = self.folder / "logs" / "app.log"
        self.clock = HeldClock(START)
        self.disk = FullDisk()
        self.lake = self._opened(Home(self.folder / "home").create())
        self.follower: Any = None
        self.context: Any = None
        self.written = 0
        self.partial = b""
        self.endangered: set[int] = set()
        self.rotations = 0

    def _opened(self, home: Home) -> Lake:
        ledger = Lake.open(home, self.clock).ledger
        return Lake(home, ledger, clock=self.clock, disk=self.disk)

    # The writer

    def _write(self, data: bytes) -> None:
        with self.log.open("ab") as out:
            out.write(data)

    @rule(count=st.integers(1, 30))
    def append(self, count: int) -> None:
        data, self.partial = self.partial, b""
        self.written += bool(data)
        data += b"".join(line(n) for n in range(self.written, self.written + count))
        self.written += count
        self._write(data)

    @precondition(lambda self: not self.partial)
    @rule(cut=st.integers(1, 40))
    def append_half_a_line(self, cut: int) -> None:
        whole = line(self.written)
        cut = min(cut, len(whole) - 1)
        self._write(whole[:cut])
        self.partial = whole[cut:]

    @precondition(lambda self: self.log.exists() and not self.partial)
    @rule()
    def rotate(self) -> None:
        self.rotations += 1
        self.log.rename(self.log.with_name(f"app.log.{self.rotations}"))

    @precondition(lambda self: self.log.exists() and self.partial)
    @rule()
    def rotate_within_a_line(self) -> None:
        """The halves are joined if the first one has not been given up meanwhile."""
        self.endangered.add(self.written)
        self.rotations += 1
        self.log.rename(self.log.with_name(f"app.log.{self.rotations}"))

    @precondition(lambda self: self.log.exists() and not self.partial)
    @rule(suffix=st.sampled_from(sorted(PACKERS)))
    def rotate_and_pack(self, suffix: str) -> None:
        self.rotations += 1
        old = self.log.rename(self.log.with_name(f"app.log.{self.rotations}"))
        old.with_name(old.name + suffix).write_bytes(PACKERS[suffix](old.read_bytes()))
        old.unlink()

    @precondition(lambda self: self.log.exists() and not self.partial)
    @rule()
    def copytruncate(self) -> None:
        self.rotations += 1
        shutil.copy(self.log, self.log.with_name(f"app.log.{self.rotations}"))
        os.truncate(self.log, 0)

    @precondition(lambda self: self.log.exists() and not self.partial)
    @rule()
    def truncate(self) -> None:
        self._endanger()
        os.truncate(self.log, 0)

    @precondition(lambda self: self.log.exists() and not self.partial)
    @rule()
    def delete(self) -> None:
        self._endanger()
        self.log.unlink()

    def _endanger(self) -> None:
        """Bytes go: lines that are in this file alone and have not landed may be lost."""
        numbers = re.findall(rb'"n([0-9]+)"', self.log.read_bytes())
        here = {int(number) for number in numbers}
        self.endangered |= here - set(seen(self.lake))

    # The watchroom

    def _alive(self, rhythm) -> None:  # type: ignore[no-untyped-def]
        if self.follower is None:
            self.context = following(self.lake, [f"{self.folder}/logs/app.log*"], rhythm)
            self.follower = self.context.__enter__()
        self.follower.sweeper.rhythm = rhythm

    @rule(rhythm=st.sampled_from([PATIENT, AT_ONCE]))
    def sweep(self, rhythm) -> None:  # type: ignore[no-untyped-def]
        self._alive(rhythm)
        self.follower.sweep()

    @rule()
    def kill(self) -> None:
        if self.follower is not None:
            self.follower.close()
        self.follower = None

    @rule(full=st.booleans())
    def fill_the_disk(self, full: bool) -> None:
        """Landing pauses while it is full."""
        self.disk.full = full

    @precondition(lambda self: not self.disk.full)
    @rule()
    def merge(self) -> None:
        compact(self.lake, fan=3)

    @rule()
    def clean_up(self) -> None:
        remove_superseded(self.lake)

    @rule(hours=st.integers(-30, 30))
    def jump_the_clock(self, hours: int) -> None:
        self.clock.moment += timedelta(hours=hours)

    @precondition(lambda self: not self.disk.full)
    @rule(harm=st.sampled_from(sorted(HARMED_LEDGERS)))
    def damage_the_ledger(self, harm: str) -> None:
        """It is gone, empty, all NUL, or torn: made anew from the segments."""
        self.kill()
        self.lake.ledger.close()
        for name in ("", "-wal", "-shm"):
            Path(f"{self.lake.home.ledger}{name}").unlink(missing_ok=True)
        if harm != "gone":
            self.lake.home.ledger.write_bytes(HARMED_LEDGERS[harm])
        self.lake = self._opened(self.lake.home)

    @rule()
    def back_up(self) -> None:
        back_up(self.lake.home, self.clock())

    @precondition(lambda self: not self.disk.full)
    @rule(torn=st.booleans())
    def damage_a_segment(self, torn: bool) -> None:
        live = self.lake.snapshot().of("logs")
        if not live:
            return
        self.kill()
        victim = live[len(live) // 2]
        before = set(seen(self.lake))  # lines whose log is gone as well are lost
        if torn:
            os.truncate(victim.path, victim.byte_count // 2)
        else:
            victim.path.unlink()
        repair(self.lake.home, clock=self.clock)
        self.endangered |= before - set(seen(self.lake))

    @invariant()
    def nothing_is_doubled(self) -> None:
        if not hasattr(self, "lake"):
            return
        numbers = seen(self.lake)
        assert len(numbers) == len(set(numbers))
        assert not numbers or numbers[-1] <= self.written

    def teardown(self) -> None:
        if not hasattr(self, "lake"):
            return
        if self.partial:
            self._write(self.partial)
            self.written += 1
        self.disk.full = False
        for _ in range(3):
            self._alive(PATIENT)
            sweep_to_rest(self.follower)
        self.kill()
        numbers = seen(self.lake)
        missing = set(range(self.written)) - set(numbers)
        self.lake.ledger.close()
        shutil.rmtree(self.folder)
        assert len(numbers) == len(set(numbers))
        assert missing <= self.endangered, f"lost without need: {sorted(missing - self.endangered)[:5]}"


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_any_program_loses_and_doubles_nothing() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=QUIET)
    )


@pytest.mark.soak
def test_any_long_program_loses_and_doubles_nothing() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=400, stateful_step_count=80, deadline=None, suppress_health_check=QUIET)
    )
