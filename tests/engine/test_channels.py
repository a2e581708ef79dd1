"""Channels, against real receivers on this machine: an HTTP server, an SMTP server, a file."""

from __future__ import annotations

import json
import stat
from email import message_from_string
from pathlib import Path

import pytest

from engine import channel
from engine.channel import DeliveryError, Notice
from engine.channels.webhook import signature
from storage.errors import ConfigError, UsageError
from tests.engine.receivers import NOTICE, http, smtp


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
    with http() as receiver:
        channel.configured("slack", {"url": receiver.url}).send(NOTICE)
        sent = receiver.json()
    assert sent["blocks"][0]["text"]["text"] == NOTICE.title
    assert sent["blocks"][1]["text"]["text"] == "since 09:00\nlook: &lt;b&gt;"


def test_discord_gets_at_most_what_it_takes_and_mentions_nobody() -> None:
    long = Notice("k", "fired", "warning", "t", tuple("@everyone " * 50 for _ in range(10)), "t", NOTICE.created_ts)
    with http() as receiver:
        channel.configured("discord", {"url": receiver.url}).send(long)
        sent = receiver.json()
    assert len(sent["content"]) == 2_000
    assert sent["allowed_mentions"] == {"parse": []}


def test_a_webhook_is_signed_so_that_the_receiver_can_tell() -> None:
    with http() as receiver:
        channel.configured("webhook", {"url": receiver.url, "secret": "s"}).send(NOTICE)
        headers, body = receiver.got[0]
    stamp, _, given = headers["x-watchroom-signature"].partition(",v1=")
    assert given == signature("s", int(stamp.removeprefix("t=")), body)
    assert given != signature("s", int(stamp.removeprefix("t=")), body + b" ")
    assert headers["idempotency-key"] == "key-1"
    assert json.loads(body)["title"] == NOTICE.title


def test_apprise_delivers_by_its_url() -> None:
    with http() as receiver:
        channel.configured("apprise", {"url": receiver.url.replace("http://", "json://")}).send(NOTICE)
        assert receiver.json()["title"] == NOTICE.title
    with pytest.raises(DeliveryError, match="does not know"):
        channel.configured("apprise", {"url": "nonsense://x"}).send(NOTICE)


def test_a_mail_is_plain_text_and_answers_the_first_of_its_cause() -> None:
    with smtp() as (port, mails):
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
    with http() as receiver:
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
