"""What the configuration says of landing is done before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.room import Room
from engine.service import ingest
from storage.errors import ConfigError

LINE = '203.0.113.77 - - [02/Mar/2026:09:00:01 +0000] "GET /a?coupon=canary1&mail=canary2@example.org HTTP/1.1" 200 1\n'


def test_what_is_to_be_masked_is_never_written(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "access.log"
    home.mkdir()
    (home / "watchroom.toml").write_text(
        '[landing]\nmask_keys = ["coupon"]\nmask_emails = true\nmask_addresses = "truncate"\n'
    )
    log.write_text(LINE * 3)
    room = Room.open(home, create=True)
    ingest(room, [log])
    [row] = room.lake.scan("requests").collect().head(1).to_dicts()
    assert "canary" not in str(row["query"])
    assert row["client_ip"] == "203.0.113.0"
    stored = [p.read_bytes() for p in home.rglob("*") if p.is_file()]
    assert not any(b"canary" in content or b"203.0.113.77" in content for content in stored)


def test_a_zone_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "watchroom.toml").write_text('[landing]\ntime_zone = "Mars/Olympus"\n')
    with pytest.raises(ConfigError, match="time_zone"):
        Room.open(home, create=True)


def test_json_lines_with_other_keys_land_under_our_names(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "shop.jsonl"
    home.mkdir()
    (home / "watchroom.toml").write_text('[landing.json_keys]\nts = ["@timestamp"]\nclient_ip = ["peer", "remote"]\n')
    log.write_text('{"@timestamp":"2026-03-02T09:00:00Z","remote":"10.0.0.9","method":"GET","path":"/"}\n' * 3)
    room = Room.open(home, create=True)
    ingest(room, [log])
    assert room.lake.scan("requests").collect()["client_ip"].to_list() == ["10.0.0.9"] * 3


def test_a_column_that_does_not_exist_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "watchroom.toml").write_text('[landing.json_keys]\nclientip = ["remote"]\n')
    with pytest.raises(ConfigError, match="client_ip"):
        Room.open(home, create=True)
