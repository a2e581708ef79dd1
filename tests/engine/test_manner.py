"""What the configuration says of landing is done before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.config_file import load_config
from engine.manner import manner
from engine.room import Room
from engine.service import ingest
from storage.errors import ConfigError
from storage.landing import Landing
from storage.upkeep import keep_up

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


EVERYTHING = """
[landing]
mask_keys = ["coupon"]
mask_headers = ["X-Tenant"]
mask_emails = true
mask_addresses = "{addresses}"
pseudonym_key = "a key that nobody guesses"
mask_sql_literals = true
"""
CANARIES = {
    "access.log": '203.0.113.77 - c4n@ry.example [02/Mar/2026:09:00:01 +0000] "GET /u/c4n@ry.example?coupon=c4nary1&'
    'token=c4nary2&mail=c4n%40ry.example HTTP/1.1" 200 1 "https://x.example/?session_id=c4nary3&c=4111111111111111"'
    ' "bot (c4n@ry.example; 203.0.113.77)"\n',
    "app.jsonl": '{"event":"request","ts":"2026-03-02T09:00:01Z","client_ip":"2001:db8:c4:a::9","path":"/",'
    '"headers":"Authorization: Bearer c4nary4\\nCookie: s=c4nary5\\nX-Tenant: c4nary6\\nX-Forwarded-For: 203.0.113.77,'
    ' 2001:db8:c4:a::9","body":"password=c4nary7","method":"GET"}\n'
    '{"event":"query","ts":"2026-03-02T09:00:01Z","sql":"SELECT 1 FROM t WHERE a = \'c4nary8\'",'
    '"params":"[\\"c4nary9\\"]","plan":"Seq Scan on t, Filter: (a = \'c4naryA\'::text)",'
    '"error":"Key (mail)=(c4naryB) already exists."}\n'
    '{"event":"log","ts":"2026-03-02T09:00:01Z",'
    '"message":"card 4111 1111 1111 1111 of c4n@ry.example at 203.0.113.77"}\n'
    '{"event":"log","ts":"nonsense from 203.0.113.77, password=c4naryC, c4n@ry.example"\n',
}
TRACES = (
    b"c4n@ry",
    b"c4n%40ry",
    b"c4nary",
    b"203.0.113.77",
    b"2001:db8:c4:a::9",
    b"4111111111111111",
    b"4111 1111 1111",
)


@pytest.mark.parametrize("addresses", ["truncate", "pseudonym"])
def test_with_everything_masked_no_canary_is_in_the_home(addresses: str, tmp_path: Path) -> None:
    """Every kind of secret in every place that a log has for it, rejects too; what can be joined still can."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "watchroom.toml").write_text(EVERYTHING.format(addresses=addresses))
    logs = [tmp_path / name for name in CANARIES]
    for log in logs:
        log.write_text(CANARIES[log.name] * 2)
    room = Room.open(home, create=True)
    Landing(room.lake, manner=manner(load_config(room.home.config).landing)).ingest(logs)
    rows = {name: room.lake.scan(name).collect() for name in ("requests", "queries", "logs", "rejects")}
    assert [frame.height for frame in rows.values()] == [4, 2, 2, 2]
    told = str([frame.to_dicts() for frame in rows.values()]).encode()
    files = [p.read_bytes() for p in home.rglob("*") if p.is_file() and p.suffix != ".toml"]
    assert [trace for trace in TRACES if any(trace in content for content in (told, *files))] == []
    clients = rows["requests"]["client_ip"].unique().sort().to_list()
    if addresses == "truncate":
        assert clients == ["2001:db8:c4::", "203.0.113.0"]
    else:
        assert len(clients) == 2 and all(name.startswith("p") for name in clients)
        assert any(clients[0] in text or clients[1] in text for text in rows["logs"]["message"])
    assert rows["queries"]["sql"][0] == "SELECT 1 FROM t WHERE a = ?"
    room.ledger.close()


def test_pseudonyms_without_a_key_are_an_error(tmp_path: Path) -> None:
    """Without a secret, whoever knows the addresses there are can compute every pseudonym."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "watchroom.toml").write_text('[landing]\nmask_addresses = "pseudonym"\n')
    with pytest.raises(ConfigError, match="pseudonym_key"):
        Room.open(home, create=True)


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


def test_rows_go_when_they_are_older_than_their_table_keeps_them(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "access.log"
    home.mkdir()
    (home / "watchroom.toml").write_text("[landing.keep_days]\nrequests = 30\n")
    log.write_text(LINE * 5 + LINE.replace("02/Mar", "30/Mar") * 3)
    room = Room.open(home, create=True, clock=lambda: datetime(2026, 4, 10, tzinfo=UTC))
    how = manner(load_config(room.home.config).landing)
    Landing(room.lake, clock=room.clock, manner=how).ingest([log])
    assert room.lake.scan("requests").collect().height == 8
    assert keep_up(room.lake, how.keep_days).expired_rows == {"requests": 5}
    assert room.lake.scan("requests").collect().height == 3
