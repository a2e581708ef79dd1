"""Archives are read in one pass within limits; damage yields what comes before it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import polars as pl
import pytest
import zstandard

from storage.archive import Archive, Kind, Limits, archive_kind
from storage.inputs import open_regular
from storage.lake import Lake
from storage.landing import Landing
from storage.read import read_events
from storage.streams import open_stream
from storage.tally import Progress
from tests.storage.following import landing
from tests.storage.numbered import lines, seen

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress,
}  # fmt: skip


def rejects(lake: Lake) -> list[str]:
    return lake.scan("rejects").collect()["reason"].to_list()


@pytest.fixture(params=sorted(PACK))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_archive_lands_once_whatever_its_name_and_its_members(kind: str, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "old-log"
    path.write_bytes(b"".join(PACK[kind](lines(range(n, n + 500))) for n in range(0, 3000, 500)))
    first = landing(lake, format_name=None).ingest([path])
    assert (first.rows, rejects(lake)) == ({"logs": 3000}, [])
    assert landing(lake, format_name=None).ingest([path]).rows == {}
    assert seen(lake) == list(range(3000))


def test_a_truncated_archive_gives_the_rows_before_and_one_reject(kind: str, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / f"app.log.{kind}"
    whole = PACK[kind](lines(range(100))) + PACK[kind](lines(range(100, 20_000)))
    path.write_bytes(whole[: -len(whole) // 4])
    landing(lake).ingest([path])
    numbers = seen(lake)
    assert len(numbers) >= 100 and numbers == list(range(len(numbers)))
    (reason,) = rejects(lake)
    assert "archive is damaged" in reason and "truncated" in reason
    assert landing(lake).ingest([path]).rows == {}


def test_a_damaged_member_ends_the_archive_with_one_reject(kind: str, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    first = PACK[kind](lines(range(100)))
    second = bytearray(PACK[kind](lines(range(100, 5000))))
    second[len(second) // 2] ^= 0xFF
    second[-6] ^= 0xFF
    path.write_bytes(first + bytes(second))
    landing(lake).ingest([path])
    assert seen(lake)[:100] == list(range(100))
    assert len([r for r in rejects(lake) if "archive is damaged" in r]) == 1


def test_a_damaged_archive_is_tried_again_once_it_has_changed(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    whole = gzip.compress(lines(range(100))) + gzip.compress(lines(range(100, 200)))
    path.write_bytes(whole[:-9])
    landing(lake).ingest([path])
    before = seen(lake)
    path.write_bytes(whole)
    landing(lake).ingest([path])
    assert before[:100] == list(range(100)) and seen(lake) == list(range(200))


def test_what_follows_the_last_member_is_damage_but_padding_is_not(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "padded.gz").write_bytes(gzip.compress(lines(range(10))) + bytes(512))
    (tmp_path / "junk.gz").write_bytes(gzip.compress(lines(range(10, 20))) + b"junk after the end")
    landing(lake).ingest([tmp_path])
    assert seen(lake) == list(range(20))
    assert len(rejects(lake)) == 1


def test_a_bomb_is_cut_off(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACK[kind](bytes(24 << 20)))
    stream = Archive(path, open_regular(path), cast("Kind", kind), Limits(free_bytes=2 << 20))
    read = 0
    while data := stream.read(read, 1 << 20):
        read += len(data)
    assert read < 24 << 20
    assert "times its size" in (stream.damage() or "")
    stream.close()


def test_a_window_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.zst"
    settings = zstandard.ZstdCompressionParameters(window_log=30)
    packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    path.write_bytes(packer.compress(lines(range(100))) + packer.flush())
    stream = open_stream(path)
    assert stream.read(0, 100) == b"" and "memory" in (stream.damage() or "")
    stream.close()


def test_a_dictionary_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.xz"
    settings = [{"id": lzma.FILTER_LZMA2, "dict_size": 200 << 20}]
    path.write_bytes(lzma.compress(lines(range(10)), filters=settings))
    stream = open_stream(path)
    assert stream.read(0, 100) == b"" and stream.damage() is not None
    stream.close()


def test_a_hundred_thousand_empty_members_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "empty.gz"
    path.write_bytes(gzip.compress(b"", mtime=0) * 100_000 + gzip.compress(b"end\n"))
    stream = open_stream(path)
    assert stream.read(0, 100) == b"end\n" and stream.damage() is None
    stream.close()


def test_ctrl_c_at_any_moment_loses_and_doubles_nothing(lake: Lake, tmp_path: Path) -> None:
    """Real signals, between and within blocks; each call goes on where the one before was interrupted."""
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(lines(range(36_000), 1000), compresslevel=1))
    told: list[int] = []

    def interrupt(delay_s: float) -> Callable[[Progress], None]:
        timer = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT))
        return lambda _: None if timer.ident is not None else timer.start()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for delay_s in (0.0, 0.004, 0.02):
            with pytest.raises(KeyboardInterrupt):
                landing(lake).ingest([path], on_progress=interrupt(delay_s))
                time.sleep(30)
            told.append(len(seen(lake)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert 0 < told[0] < 36_000 and told == sorted(told)
    landing(lake).ingest([path])
    assert seen(lake) == list(range(36_000))


def test_an_archive_in_an_archive_is_not_followed(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "nested.gz"
    path.write_bytes(gzip.compress(gzip.compress(lines(range(100)))))
    (tmp_path / "ok.log").write_bytes(lines(range(3)))
    summary = Landing(lake).ingest([tmp_path])
    assert seen(lake) == [0, 1, 2] and "binary" in summary.notices[0]


def test_empty_archives_hold_nothing_and_are_no_error(kind: str, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(PACK[kind](b""))
    assert landing(lake).ingest([tmp_path / "empty"]).rows == {}
    assert rejects(lake) == []


def test_the_kind_is_told_by_the_first_bytes(kind: str) -> None:
    assert archive_kind(PACK[kind](b"x")[:8]) == kind
    assert archive_kind(b"plain te") is None


def test_an_archive_gives_what_its_plain_file_gives(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(range(5000), 300))
    (tmp_path / "a.packed").write_bytes(PACK[kind]((tmp_path / "a.log").read_bytes()))
    plain, packed = (
        pl.concat([f["logs"] for f in read_events([tmp_path / name], "jsonl")]) for name in ("a.log", "a.packed")
    )
    assert plain.drop("source").equals(packed.drop("source"))
