"""Secrets never reach the disk, whatever column, file or log they came by."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction import compact
from storage.doctor import repair
from storage.forget import forget
from storage.lake import Lake
from storage.landing import Landing
from storage.manner import Manner
from storage.masking import MASK, NO_MASKING, Masking
from storage.schema import TABLES
from tests.conftest import HeldClock
from tests.modelops import MARA

CANARY = "c4n4ryS3cret"
ACCESS = (
    b'10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET /login?user=ann&password=%s&next=/ HTTP/1.1" 200 5 '
    b'"https://shop.example/?session_id=%s" "curl/8.11.1"\n'
)


def masked(text: str, **settings: object) -> str:
    return str(Masking(**settings).mask(pl.Series("t", [text], dtype=pl.String))[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"user=ann&password={CANARY}&x=1", "user=ann&password=***&x=1"),
        (f"a[user_token]={CANARY}", "a[user_token]=***"),
        (f"PASSWORD={CANARY};x", "PASSWORD=***;x"),
        (f"user%5Bpassword%5D%3D{CANARY}", "user%5Bpassword%5D%3D***"),
        (f'{{"user":"ann","password":"{CANARY}","n":1}}', '{"user":"ann","password":"***","n":1}'),
        (f'{{\\"apiKey\\": \\"{CANARY}\\"}}', '{\\"apiKey\\": \\"***\\"}'),
        (f"Accept: */*\nAuthorization: Bearer {CANARY}\nX: y", "Accept: */*\nAuthorization: ***\nX: y"),
        (f"cookie: a={CANARY}; b={CANARY}", "cookie: ***"),
        ("paid with 4111 1111 1111 1111 today", "paid with *** today"),
        ("order 4111 1111 1111 1112 today", "order 4111 1111 1111 1112 today"),
        (
            "tokens=12 and passwordless=1 and mail me@example.com",
            "tokens=12 and passwordless=1 and mail me@example.com",
        ),
        ("SELECT * FROM t WHERE password='" + CANARY + "'", "SELECT * FROM t WHERE password='***'"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, kept: str) -> None:
    assert masked(text) == kept


def test_what_the_user_wants_masked_beyond_that() -> None:
    assert masked("mail ann@example.com now", emails=True) == "mail *** now"
    assert masked("color=red&password=x", keys=("color",)) == "color=***&password=x"


def test_addresses_are_cut_or_replaced_by_pseudonyms_that_can_be_joined() -> None:
    frame = TABLES["requests"].conform(pl.DataFrame({"client_ip": ["10.1.2.3", "2001:db8:1:2::3", "odd", "10.1.2.3"]}))
    cut = Masking(addresses="truncate").apply({"requests": frame})["requests"]["client_ip"].to_list()
    assert cut == ["10.1.2.0", "2001:db8:1::", "odd", "10.1.2.0"]
    one, other = (Masking(addresses="pseudonym", pseudonym_key=k).apply({"requests": frame}) for k in (b"k", b"l"))
    names = one["requests"]["client_ip"].to_list()
    assert names[0] == names[3] != names[1] and "10.1" not in names[0]
    assert names != other["requests"]["client_ip"].to_list()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("from 10.1.2.3:443, 10.1.2.34, 2001:db8:1:2::3: no", "from 10.1.2.0:443, 10.1.2.0, 2001:db8:1::: no"),
        ("at 09:00:00 Abc::Def raised, version 1.2, 300.1.1.1", "at 09:00:00 Abc::Def raised, version 1.2, 300.1.1.1"),
        ("[::ffff:10.1.2.3]", "[::ffff:10.1.2.0]"),
    ],
)  # fmt: skip
def test_addresses_in_texts_are_cut_too(text: str, kept: str) -> None:
    assert masked(text, addresses="truncate") == kept


def test_one_address_that_begins_another_has_a_pseudonym_of_its_own() -> None:
    settings = {"addresses": "pseudonym", "pseudonym_key": b"k"}
    one, other = masked("10.0.0.1", **settings), masked("10.0.0.12", **settings)
    assert masked("10.0.0.12 10.0.0.1", **settings) == f"{other} {one}"


def test_literals_leave_statements_and_their_parameters_go() -> None:
    frame = TABLES["queries"].conform(
        pl.DataFrame({"sql": [f"SELECT 1 FROM t WHERE a = '{CANARY}'"], "params": ["[1]"]})
    )
    (row,) = Masking(sql_literals=True).apply({"queries": frame})["queries"].select("sql", "params").rows()
    assert CANARY not in row[0] and "?" in row[0] and row[1] is None


def grep(home: Path, canary: str) -> list[Path]:
    """The files of a home that hold the canary, packed in Parquet or plain."""

    def holds(path: Path) -> bool:
        packed = path.suffix == ".parquet" and canary in str(pl.read_parquet(path).to_dicts())
        return packed or canary.encode() in path.read_bytes()

    return [path for path in home.rglob("*") if path.is_file() and holds(path)]


def test_no_byte_of_a_secret_is_in_the_home_after_landing_merging_and_mending(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    secret = CANARY.encode()
    log.write_bytes(ACCESS % (secret, secret) * 3 + b"no line password=%s\n" % secret)
    Landing(lake, format_name="combined").ingest([log])
    log.open("ab").write(ACCESS % (secret, secret))
    Landing(lake, format_name="combined").ingest([log])
    assert lake.scan("requests").collect()["query"].to_list() == [f"user=ann&password={MASK}&next=/"] * 4
    lake.snapshot().of("requests")[0].path.unlink()
    repair(lake.home, clock=lake.clock)
    compact(lake, fan=2)
    assert lake.scan("requests").collect().height == 4
    assert grep(lake.home.path, CANARY) == []


def test_masking_can_be_turned_off(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(ACCESS % (b"x", b"y"))
    Landing(lake, format_name="combined", manner=Manner(masking=NO_MASKING)).ingest([log])
    assert lake.scan("requests").collect()["query"].to_list() == ["user=ann&password=x&next=/"]


@given(st.text(max_size=80))
def test_masking_never_fails_and_never_adds_a_secret(text: str) -> None:
    assert len(masked(text, emails=True)) <= len(text) + 3 * text.count("=") + 3 * text.count(":") + 3


def test_forgetting_a_client_leaves_no_trace_of_them(lake: Lake, tmp_path: Path, clock: HeldClock) -> None:
    from storage import backup

    log = tmp_path / "access.log"
    lines = b"".join(
        b'%s - - [02/Mar/2026:09:00:%02d +0000] "GET /n%d HTTP/1.1" 200 5 "-" "curl"\n' % (ip, n, n)
        for n, ip in enumerate([b"203.0.113.77", b"203.0.113.7", b"203.0.113.77", b"198.51.100.9"] * 5)
    )
    log.write_bytes(lines + b"garbage from 203.0.113.77 here\n")
    for _ in range(2):
        Landing(lake, format_name="combined").ingest([log])
    backup.back_up(lake.home, clock())
    done = forget(lake, "203.0.113.77", MARA)
    assert done.rows == {"requests": 10, "rejects": 1}
    kept = lake.scan("requests").collect()["client_ip"].to_list()
    assert sorted(set(kept)) == ["198.51.100.9", "203.0.113.7"] and len(kept) == 10
    assert grep(lake.home.path, "203.0.113.77") == []
    assert Landing(lake, format_name="combined").ingest([log]).rows == {}
    assert len(backup.copies(lake.home)) == 1
    lake.snapshot().of("requests")[0].path.unlink()
    assert repair(lake.home, clock=clock).landed_again == 0
    assert grep(lake.home.path, "203.0.113.77") == []
