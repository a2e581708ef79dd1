"""Channels and the outbox, against real receivers on this machine: an HTTP server, an SMTP server, a file."""

from __future__ import annotations

import json
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_string
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine import alerts, channel, digest, notices, outbox
from engine.alert_rules import Rule
from engine.channel import Channel, DeliveryError, Notice
from engine.channels.webhook import signature
from storage.errors import ConfigError, UsageError
from tests.modelops import IDRIS, JOB, START, Room, room

NOTICE = Notice("key-1", "fired", "critical", "waf-behavioral accuracy 0.87 under 0.90", ("since 09:00", "look: <b>"),
                "thread-1", "2026-03-02T09:00:00.000000Z", (1,))  # fmt: skip


@dataclass
class Receiver:
    """What an HTTP server got, and what it answers."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def json(self, index: int = -1) -> Any:
        return json.loads(self.got[index][1])


@contextmanager
def _http() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.status)
            for key, value in receiver.headers.items():
                self.send_header(key, value)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


class _Smtp(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a mail."""

    mails: list[str]

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].upper().split()[0]
            if verb == "DATA":
                self._say("354 go on")
                lines = []
                while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.mails.append("\n".join(lines))
            if verb == "QUIT":
                self._say("221 bye")
                return
            self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def _smtp() -> Iterator[tuple[int, list[str]]]:
    mails: list[str] = []
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (_Smtp,), {"mails": mails}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1], mails
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", channel.names())
def test_every_channel_is_found_by_name_and_explains_itself(name: str) -> None:
    kind = channel.load(name)
    assert kind.title
    assert kind.__doc__
    with pytest.raises(ConfigError, match="no setting 'nonsense'"):
        channel.configured(name, {"nonsense": 1})


def test_an_unknown_channel_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="apprise, bell, discord, email, log, slack, webhook"):
        channel.load("pigeon")


def test_secrets_come_from_the_environment_or_a_file_and_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.example/abc")
    (tmp_path / "secret").write_text("s3cret\n")
    made = channel.configured("webhook", {"url": "env:HOOK", "secret": f"file:{tmp_path / 'secret'}"})
    assert (made.settings.url, made.settings.secret) == ("https://hooks.example/abc", "s3cret")
    with pytest.raises(ConfigError, match="NO_SUCH"):
        channel.configured("slack", {"url": "env:NO_SUCH"})
    with pytest.raises(ConfigError, match="cannot be read"):
        channel.configured("slack", {"url": "file:/nowhere"})
    with pytest.raises(ConfigError, match=r"needs .*'url'"):
        channel.configured("slack", {})
    with pytest.raises(ConfigError, match="min_severity"):
        channel.configured("bell", {"min_severity": "loud"})


def test_the_log_takes_a_line_a_notice_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "ml-monitoring.log"
    log = channel.configured("log", {"path": str(path)})
    log.send(NOTICE)
    log.send(NOTICE)
    lines = path.read_text().splitlines()
    assert (
        lines
        == ["2026-03-02T09:00:00.000000Z [CRITICAL] waf-behavioral accuracy 0.87 under 0.90 | since 09:00 | look: <b>"]
        * 2
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_grew_large_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "ml-monitoring.log"
    path.write_bytes(b"x" * 10_000_001)
    channel.configured("log", {"path": str(path)}).send(NOTICE)
    assert len(path.read_text().splitlines()) == 1
    assert (tmp_path / "ml-monitoring.log.1").stat().st_size == 10_000_001


def test_the_bell_rings_its_terminal(tmp_path: Path) -> None:
    tty = tmp_path / "tty"
    tty.touch()
    channel.configured("bell", {"tty": str(tty), "desktop": False}).send(NOTICE)
    assert tty.read_bytes() == b"\a"
    with pytest.raises(DeliveryError):
        channel.configured("bell", {"tty": "/nowhere/tty", "desktop": False}).send(NOTICE)


def test_slack_gets_blocks_without_markup_from_the_text() -> None:
    with _http() as receiver:
        channel.configured("slack", {"url": receiver.url}).send(NOTICE)
        sent = receiver.json()
    assert sent["blocks"][0]["text"]["text"] == NOTICE.title
    assert sent["blocks"][1]["text"]["text"] == "since 09:00\nlook: &lt;b&gt;"


def test_discord_gets_at_most_what_it_takes_and_mentions_nobody() -> None:
    long = Notice("k", "fired", "warning", "t", tuple("@everyone " * 50 for _ in range(10)), "t", NOTICE.created_ts)
    with _http() as receiver:
        channel.configured("discord", {"url": receiver.url}).send(long)
        sent = receiver.json()
    assert len(sent["content"]) == 2_000
    assert sent["allowed_mentions"] == {"parse": []}


def test_a_webhook_is_signed_so_that_the_receiver_can_tell() -> None:
    with _http() as receiver:
        channel.configured("webhook", {"url": receiver.url, "secret": "s"}).send(NOTICE)
        headers, body = receiver.got[0]
    stamp, _, given = headers["x-watchroom-signature"].partition(",v1=")
    assert given == signature("s", int(stamp.removeprefix("t=")), body)
    assert given != signature("s", int(stamp.removeprefix("t=")), body + b" ")
    assert headers["idempotency-key"] == "key-1"
    assert json.loads(body)["title"] == NOTICE.title


def test_apprise_delivers_by_its_url() -> None:
    with _http() as receiver:
        channel.configured("apprise", {"url": receiver.url.replace("http://", "json://")}).send(NOTICE)
        assert receiver.json()["title"] == NOTICE.title
    with pytest.raises(DeliveryError, match="does not know"):
        channel.configured("apprise", {"url": "nonsense://x"}).send(NOTICE)


def test_a_mail_is_plain_text_and_answers_the_first_of_its_cause() -> None:
    with _smtp() as (port, mails):
        mail = channel.configured("email", {"host": "127.0.0.1", "port": port, "to": "a@x.org, b@x.org"})
        mail.send(NOTICE)
        mail.send(Notice("key-2", "resolved", "critical", "resolved: it", (), "key-1", NOTICE.created_ts))
    first, second = (message_from_string(text) for text in mails)
    assert first["Subject"] == "[critical] waf-behavioral accuracy 0.87 under 0.90"
    assert first["To"] == "a@x.org, b@x.org"
    assert "since 09:00" in first.get_payload()
    assert second["In-Reply-To"] == first["Message-ID"]


@pytest.mark.parametrize(("status", "headers", "permanent", "wait_s"), [
    (429, {"Retry-After": "120"}, False, 120.0), (503, {}, False, None), (404, {}, True, None),
    (302, {"Location": "http://127.0.0.1:9/"}, False, None),
])  # fmt: skip
def test_an_answer_says_whether_to_come_again_and_redirects_are_not_followed(
    status: int, headers: dict[str, str], permanent: bool, wait_s: float | None
) -> None:
    with _http() as receiver:
        receiver.status, receiver.headers = status, headers
        with pytest.raises(DeliveryError, match=str(status)) as failed:
            channel.configured("slack", {"url": receiver.url}).send(NOTICE)
    assert (failed.value.permanent, failed.value.retry_after_s) == (permanent, wait_s)


def test_nobody_there_is_a_delivery_error_and_a_file_is_no_address() -> None:
    with pytest.raises(DeliveryError, match="cannot be reached"):
        channel.configured("slack", {"url": "http://127.0.0.1:9/x"}).send(NOTICE)
    with pytest.raises(DeliveryError, match="no http"):
        channel.configured("slack", {"url": "/etc/passwd"}).send(NOTICE)
    with pytest.raises(DeliveryError, match="cannot be used"):
        channel.configured("email", {"host": "127.0.0.1", "port": 9, "to": "a@x.org"}).send(NOTICE)


class Desk:
    """A room with a log, a pager that is told of warnings, and rules that say what a test wants."""

    def __init__(self, path: Path, receiver: Receiver, **pager: object) -> None:
        self.room: Room = room(path, deployed=False)
        self.path = path / "ml-monitoring.log"
        self.receiver = receiver
        self.pager = channel.configured("slack", {"url": receiver.url, "label": "pager", **pager})
        self.channels: list[Channel] = [channel.configured("log", {"path": str(self.path)}), self.pager]

    def ask(self, *bad: str, severity: str = "warning", **by: float) -> list[str]:
        """One round in which the causes `bad` hold; returns what the pager was told."""
        self.room.clock.tick(**(by or {"minutes": 5}))
        query = "SELECT m AS model, list_contains($bad, m) AS bad FROM (SELECT unnest($all) AS m)"
        rule = Rule(
            "x", "t", query, "{model} is bad", severity, keep_minutes=0, repeat_hours=4, look="watchroom look {model}",
            settings={"bad": ["", *bad], "all": ["a", "b", "c", "urgent", *(f"m{i}" for i in range(8))]},
        )  # fmt: skip
        alerts.evaluate(self.room.reader, self.room.ledger, self.room.clock, JOB, rules=[rule], channels=self.channels)
        return self.deliver()

    def deliver(self) -> list[str]:
        before = len(self.receiver.got)
        outbox.deliver(self.room.ledger, self.channels, self.room.clock)
        return [self.receiver.json(i)["blocks"][0]["text"]["text"] for i in range(before, len(self.receiver.got))]


def test_a_cause_is_told_once_repeated_after_hours_and_told_to_be_over(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        assert desk.ask("a") == ["a is bad"]
        assert desk.ask("a") == desk.ask("a") == []
        assert desk.ask("a", hours=4) == ["still: a is bad"]
        assert desk.ask() == ["resolved: a is bad"]
        assert desk.ask() == []
    log = desk.path.read_text()
    assert "[WARNING] a is bad | since 2026-03-02 09:05 UTC, alert 1 | look: watchroom look a" in log
    assert "resolved: a is bad" in log


def test_what_fires_together_is_one_notice(tmp_path: Path) -> None:
    with _http() as receiver:
        assert Desk(tmp_path, receiver).ask("a", "b", "c") == ["a is bad (and 2 more)"]


def test_who_takes_an_alert_on_is_left_alone(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        desk.ask("a")
        alerts.acknowledge(desk.room.ledger, 1, IDRIS, desk.room.clock)
        assert desk.ask("a", hours=4) == []
        assert desk.ask("a", hours=5) == ["still: a is bad"], "eight hours are over"


def test_an_alert_is_not_told_while_one_that_says_enough_fires(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        root = Rule("root", "t", "SELECT 'a' AS model, $bad AS bad", "root of {model}", settings={"bad": True})
        leaf = Rule("leaf", "t", "SELECT 'a' AS model, true AS bad", "leaf of {model}", inhibited_by=("root",))
        over = Rule("root", "t", root.query, root.message, keep_minutes=0, settings={"bad": False})
        told = []
        for rules in ((root, leaf), (root, leaf), (over, leaf)):
            desk.room.clock.tick(minutes=5)
            r = desk.room
            alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=rules, channels=desk.channels)
            told.append(desk.deliver())
        assert told == [["root of a"], [], ["leaf of a", "resolved: root of a"]]


def test_a_cause_that_comes_back_within_hours_is_one_notice_and_the_rest_is_in_the_digest(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        r, told = desk.room, []
        for bad in (True, False, True, False, True):
            attack = Rule("x", "t", "SELECT 'waf' AS model, $bad AS bad", "attack", "critical", keep_minutes=0,
                          again_hours=12, settings={"bad": bad})  # fmt: skip
            r.clock.tick(hours=1)
            alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[attack], channels=desk.channels)
            told += desk.deliver()
        assert told == ["attack", "resolved: attack"]
        r.clock.tick(days=1)
        (notice,) = digest.send_due(r.reader, r.ledger, desk.channels, r.clock)
        assert "2 notices were held back" in notice.title


def test_a_silence_for_all_of_a_model_holds_for_alerts_to_come_and_ends(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        alerts.silence_all(desk.room.ledger, IDRIS, START + timedelta(hours=1), desk.room.clock, model="a", reason="x")
        assert desk.ask("a", "b") == ["b is bad"]
        assert desk.ask("a", "b", hours=1) == ["a is bad"]


def test_more_than_a_few_warnings_wait_for_the_digest_and_critical_ones_never(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        told: list[str] = []
        for i in range(8):
            told += desk.ask(*(f"m{j}" for j in range(i + 1)))
        assert told == ["m0 is bad", "m1 is bad", "m2 is bad"], "three in four hours"
        assert desk.ask("urgent", *(f"m{j}" for j in range(8)), severity="critical")[0].startswith("urgent")
        desk.room.clock.tick(days=1)
        (notice,) = digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock) == []
        assert "5 notices were held back" in notice.title
        assert len(notice.lines) == 5
        assert desk.deliver() == [notice.title]


def test_info_goes_to_the_digest_only(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver, min_severity="info")
        assert desk.ask("a", severity="info") == []
        desk.room.clock.tick(days=1)
        assert digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)


def test_an_escalation_comes_only_if_nobody_took_it_on(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver, escalate_after_minutes=15)
        assert desk.ask("a", severity="critical") == []
        assert desk.ask("a", severity="critical", minutes=16) == ["a is bad"]
    with _http() as receiver:
        desk = Desk(tmp_path / "two", receiver, escalate_after_minutes=15)
        desk.ask("a", severity="critical")
        alerts.acknowledge(desk.room.ledger, 1, IDRIS, desk.room.clock)
        assert desk.ask("a", severity="critical", minutes=16) == []


def test_a_notice_is_tried_again_until_it_is_delivered_and_then_no_more(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        receiver.status = 503
        desk.ask("a")
        assert len(receiver.got) == 1
        desk.deliver()
        assert len(receiver.got) == 1, "not before a minute is over"
        receiver.status = 200
        desk.room.clock.tick(minutes=1)
        assert desk.deliver() == ["a is bad"]
        desk.room.clock.tick(hours=2)
        assert desk.deliver() == []
    row = desk.room.reader.query("SELECT state, attempts FROM outbox WHERE channel = 'pager'").row(0)
    assert row == ("delivered", 2)


def test_a_notice_that_can_never_be_delivered_is_dead_and_says_why(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        receiver.status = 404
        desk.ask("a")
        row = desk.room.reader.query("SELECT state, last_error FROM outbox WHERE channel = 'pager'").row(0)
        assert row == ("dead", "it answered 404")


def test_a_claim_whose_process_died_is_taken_over_after_five_minutes(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        with desk.room.ledger.write() as connection:
            for _ in range(2):
                outbox.put(connection, replace(NOTICE, alert_ids=()), "pager", desk.room.clock())
        assert outbox._claim(desk.room.ledger, ["pager"], desk.room.clock()) is not None
        assert desk.deliver() == []
        desk.room.clock.tick(minutes=6)
        assert desk.deliver() == [NOTICE.title]


def test_nothing_of_a_log_steers_a_terminal_or_a_mail() -> None:
    assert notices.clean("a\x1b[31m\r\nBcc: x\x9b\x00 b") == "a [31m Bcc: x b"


def test_the_weekly_summary_comes_once_on_a_monday(tmp_path: Path) -> None:
    with _http() as receiver:
        desk = Desk(tmp_path, receiver)
        assert START.weekday() == 0
        (notice,) = digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert notice.kind == "weekly"
        digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert len(desk.deliver()) == 1
