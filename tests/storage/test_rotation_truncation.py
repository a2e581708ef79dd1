"""Logs that are truncated or written over: what is still there is read from there, what is gone is told."""

from __future__ import annotations

import os
import shutil
import tracemalloc

import pytest

from tests.storage.following import AT_ONCE
from tests.storage.numbered import append, lines, seen
from tests.storage.rotating import Make, compress


def test_copytruncate_to_fewer_bytes(watched: Make) -> None:
    """Case 7 (rsyslog#3918, otel#43693): fewer bytes than the offset; the rest is read from the copy."""
    w = watched("app.log")
    log = w.log
    append(log, range(100))
    w.look()
    append(log, range(100, 120))
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    append(log, range(120, 125))
    w.look()
    assert seen(w.lake) == list(range(125)) and w.gaps() == []


@pytest.mark.parametrize("grown_to", [120, 400])
def test_truncated_and_grown_past_the_offset(watched: Make, grown_to: int) -> None:
    """Case 8 (loki#924): the size tells nothing, the bytes before the offset do."""
    w = watched("app.log")
    log = w.log
    append(log, range(100))
    w.look()
    os.truncate(log, 0)
    append(log, range(100, 100 + grown_to))
    w.look()
    assert seen(w.lake) == list(range(100 + grown_to))


def test_overwritten_at_the_same_size_and_the_loss_is_told(watched: Make) -> None:
    """Case 9 (fluent-bit#9580): written over at the same size; what nobody read is a gap."""
    w = watched("app.log")
    log = w.log
    append(log, range(100, 150))
    w.look()
    log.write_bytes(lines(range(200, 250)))
    w.look()
    assert seen(w.lake) == [*range(100, 150), *range(200, 250)]
    assert [reason for _, reason in w.gaps()] == ["gone before it was read to its end"]


def test_truncated_and_rewritten_is_read_by_one_reader_only(watched: Make) -> None:
    """Case 10 (vector#23619): rewritten again and again, and no old reader wakes up in the new bytes."""
    w = watched("app.log")
    log = w.log
    for round_ in range(5):
        log.write_bytes(lines(range(round_ * 100, round_ * 100 + 100 - round_ * 15)))
        w.look()
        w.look()
    assert seen(w.lake) == [n for r in range(5) for n in range(r * 100, r * 100 + 100 - r * 15)]


def test_copytruncate_with_a_stale_writer_leaves_a_hole_that_costs_nothing(watched: Make) -> None:
    """Case 11 (logrotate#286, go-tail#1): a hole of 500 MB, for the writer kept its offset, costs no memory."""
    w = watched("app.log")
    log = w.log
    append(log, range(50))
    w.look()
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    with log.open("r+b") as out:
        out.seek(500 << 20)
        out.write(lines(range(50, 60)))
    tracemalloc.start()
    w.look()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100 << 20
    with log.open("r+b") as out:
        out.seek(0, os.SEEK_END)
        out.write(lines(range(60, 70)))
    w.look()
    assert seen(w.lake) == list(range(70))
    assert w.lake.scan("rejects").collect().height == 0


def test_copytruncate_with_the_copy_in_the_glob(watched: Make) -> None:
    """Case 12 (beats#39731): the copy matches the glob and is not a new file."""
    w = watched("app.log*")
    log = w.log
    append(log, range(60))
    w.look()
    append(log, range(60, 80))
    shutil.copy(log, w.folder / "app.log.1")
    w.look()
    os.truncate(log, 0)
    append(log, range(80, 90))
    w.look()
    assert seen(w.lake) == list(range(90)) and w.gaps() == []


def test_copytruncate_then_restart_then_gzip(watched: Make) -> None:
    """Case 12 again (beats#45300): copied, truncated, packed while stopped; all 150 lines."""
    w = watched("app.log")
    log = w.log
    append(log, range(50))
    w.look()
    append(log, range(50, 100))
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    compress(w.folder / "app.log.1", w.folder / "app.log.1.gz")
    append(log, range(100, 150))
    w.look()
    assert seen(w.lake) == list(range(150)) and w.gaps() == []


def test_copytruncate_while_nothing_but_half_a_line_has_landed(watched: Make) -> None:
    """The copy of a file of which half a line has landed for now is known as its copy."""
    w = watched("app.log*")
    log = w.log
    whole = lines(range(4))
    log.write_bytes(whole[:18])
    w.look(AT_ONCE)
    log.write_bytes(whole)
    shutil.copy(log, w.folder / "app.log.1")
    os.truncate(log, 0)
    w.look()
    append(log, range(4, 8))
    w.look()
    assert seen(w.lake) == list(range(8)) and w.lake.scan("rejects").collect().height == 0
