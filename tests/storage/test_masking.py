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
from storage.path_secrets import without_path_secrets
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


HEX, UUID = "deadbeefcafe0123456789abcdef0123", "550e8400-e29b-41d4-a716-446655440000"
TOKEN = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (f"/api/key/{HEX}", "/api/key/***"),
        (f"/account/Reset-Password/{HEX}/new", "/account/Reset-Password/***/new"),
        ("/reset/MQ/bx1x2k-0a1b2c3d4e5f60718293a4b5c6d7e8f9/", "/reset/MQ/***/"),
        (f"/share/{UUID}", "/share/***"),
        ("/webhooks/stripe/whsec_1A2b3C4d5E6f7G8h9I0j", "/webhooks/stripe/***"),
        (f"https://hook.example/services/T0/B0/{HEX}", "https://hook.example/services/T0/B0/***"),
        (f"/bot123456789:{TOKEN}/sendMessage", "/bot123456789:***/sendMessage"),
        (f"/d/{TOKEN}/edit and /d/{TOKEN}2/edit", "/d/***/edit and /d/***/edit"),
        (f"/callback/{JWT}", "/callback/***"),
        (f"/colour/{HEX}", "/colour/***"),
        (f"/orders/{UUID}", f"/orders/{UUID}"),
        (f"/assets/app-{HEX}.js", f"/assets/app-{HEX}.js"),
        (f"/blobs/sha256:{HEX}{HEX}", f"/blobs/sha256:{HEX}{HEX}"),
        ("/reset/password-confirmation-required", "/reset/password-confirmation-required"),
        ("/keys/2024-01-01-quarterly-report", "/keys/2024-01-01-quarterly-report"),
        ("/My-Great-Post-About-The-Year-2024-And-More", "/My-Great-Post-About-The-Year-2024-And-More"),
        ("/reset/2024", "/reset/2024"),
    ],
)
def test_segments_of_paths_that_are_secrets_are_masked_and_nothing_else(path: str, kept: str) -> None:
    paths = pl.Series("path", [None, "/", path, "", "/reset/"], dtype=pl.String)
    assert without_path_secrets(paths, ("colour",)).to_list() == [None, "/", kept, "", "/reset/"]


@given(st.lists(st.none() | st.text("/:. aZ09é\0", max_size=60), max_size=8))
def test_whether_a_row_may_hold_a_long_segment_is_told_by_its_bytes(texts: list[str | None]) -> None:
    secret = [f"{text or ''}/key/{HEX}" for text in texts]
    mixed = [text for pair in zip(texts, secret, strict=True) for text in pair]
    found = without_path_secrets(pl.Series("t", mixed, dtype=pl.String), ()).to_list()
    assert all(text is not None and text.endswith("/key/***") for text in found[1::2])


def test_no_secret_of_a_path_is_in_the_home(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = b'10.0.0.7 - - [02/Mar/2026:09:00:00 +0000] "GET %s HTTP/1.1" 200 5 "https://a.example%s" "curl"\n'
    secrets = [f"/reset/{HEX}", f"/x/{TOKEN}", f"/cb?jwt={JWT}", f"/t/{JWT}/x"]
    log.write_bytes(b"".join(line % (s.encode(), s.encode()) for s in secrets) + f"no line {secrets[0]}\n".encode())
    Landing(lake, format_name="combined").ingest([log])
    rows = lake.scan("requests").collect().sort("byte_offset")
    assert rows["path"].to_list() == ["/reset/***", "/x/***", "/cb", "/t/***/x"]
    assert rows["query"][2] == "jwt=***" and rows["referer"][0] == "https://a.example/reset/***"
    for canary in (HEX, TOKEN, JWT, JWT.split(".")[2]):
        assert grep(lake.home.path, canary) == []
    frame = TABLES["requests"].conform(pl.DataFrame({"path": secrets}))
    assert Masking(paths=False).apply({"requests": frame})["requests"]["path"].to_list() == secrets


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"LOG:  statement: SELECT a FROM t WHERE id = 42 AND e = '{CANARY}' LIMIT 5",
         "LOG:  statement: SELECT a FROM t WHERE id = ? AND e = ? LIMIT ?"),
        (f"INSERT INTO t (a, b) VALUES (\"{CANARY}\", \"it's {CANARY}\"), (0x1f, -7)",
         "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)"),
        (f'{{"statement":"SELECT 1 FROM t WHERE a = \'it\'\'s {CANARY}\'","pid":"7","n":5,"key":"x"}}',
         '{"statement":"SELECT ? FROM t WHERE a = ?","pid":"7","n":5,"key":"x"}'),
        ('{"sql":"SELECT 5","session":"x","n":5}', '{"sql":"SELECT ?","session":"***","n":5}'),
        (f"WHERE name = '{CANARY} and cut", "WHERE name = ?"),
        (f"DETAIL:  Key (email)=({CANARY}) already exists.", "DETAIL:  Key (email)=(?) already exists."),
        (f"DETAIL:  parameters: $1 = '{CANARY}', $2 = NULL", "DETAIL:  parameters: $1 = ?, $2 = NULL"),
        (f"UPDATE t SET a = $${CANARY}$$", "UPDATE t SET a = ?"),
        ("user 'ann' took 42 ms, 7 times", "user 'ann' took 42 ms, 7 times"),
    ],
)  # fmt: skip
def test_statements_quoted_by_rejects_and_log_lines_lose_their_literals(text: str, kept: str) -> None:
    rejects = TABLES["rejects"].conform(pl.DataFrame({"raw": [text.encode(), b"\xff no SQL"]}))
    logs = TABLES["logs"].conform(pl.DataFrame({"message": [text, None], "context": [None, text]}))
    bare = Masking(sql_literals=True).apply({"rejects": rejects, "logs": logs})
    assert bare["rejects"]["raw"].to_list() == [kept.encode(), b"\xff no SQL"]
    assert bare["logs"].select("message", "context").rows() == [(kept, None), (None, kept)]
    if "session" not in text:
        assert Masking().apply({"rejects": rejects})["rejects"]["raw"][0] == text.encode(), "as it is by default"
