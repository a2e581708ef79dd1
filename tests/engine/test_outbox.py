"""The outbox: tried again for a day; once per channel as far as that can tell, whatever becomes of the sender."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine import channel, outbox
from tests.engine.receivers import NOTICE, Desk, http
from tests.modelops import room


def test_a_notice_is_tried_again_until_it_is_delivered_and_then_no_more(tmp_path: Path) -> None:
    with http() as receiver:
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
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        receiver.status = 404
        desk.ask("a")
        row = desk.room.reader.query("SELECT state, last_error FROM outbox WHERE channel = 'pager'").row(0)
        assert row == ("dead", "it answered 404")


def test_a_claim_whose_process_died_is_taken_over_after_five_minutes(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        with desk.room.ledger.write() as connection:
            for _ in range(2):
                outbox.put(connection, replace(NOTICE, alert_ids=()), "pager", desk.room.clock())
        assert outbox._claim(desk.room.ledger, ["pager"], desk.room.clock()) is not None
        assert desk.deliver() == []
        desk.room.clock.tick(minutes=6)
        assert desk.deliver() == [NOTICE.title]


SENDER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from engine import channel, outbox
from storage.ledger import Ledger
ledger, name, url, now = Path(sys.argv[1]), sys.argv[2], sys.argv[3], datetime.fromisoformat(sys.argv[4])
settings = {"path": url} if name == "log" else {"url": url, "secret": "s"}
sender = channel.configured(name, settings)
send = sender.send
def send_and_die(notice):
    send(notice)
    os.kill(os.getpid(), signal.SIGKILL)
sender.send = send_and_die
outbox.deliver(Ledger(ledger), [sender], lambda: now)
"""


@pytest.mark.parametrize("name", ["log", "webhook"])
def test_a_sender_killed_after_sending_tells_no_channel_twice_that_can_tell(tmp_path: Path, name: str) -> None:
    with http() as receiver:
        r = room(tmp_path, deployed=False)
        where = str(tmp_path / "x.log") if name == "log" else receiver.url
        settings = {"path": where} if name == "log" else {"url": where, "secret": "s"}
        with r.ledger.write() as connection:
            outbox.put(connection, replace(NOTICE, alert_ids=()), name, r.clock())
        arguments = [str(r.ledger.path), name, where, r.clock().isoformat()]
        done = subprocess.run([sys.executable, "-c", SENDER, *arguments], timeout=60)
        assert done.returncode == -signal.SIGKILL
        r.clock.tick(minutes=6)
        (delivery,) = outbox.deliver(r.ledger, [channel.configured(name, settings)], r.clock)
        assert delivery.state == "delivered"
        assert outbox.deliver(r.ledger, [channel.configured(name, settings)], r.clock) == []
    if name == "log":
        assert len(Path(where).read_text().splitlines()) == 1, "the line is there already"
    else:
        keys = [headers["idempotency-key"] for headers, _ in receiver.got]
        assert keys == [NOTICE.key, NOTICE.key], "the receiver can tell"


RACER = """
import sys
from datetime import datetime
from pathlib import Path
from engine import channel, outbox
from storage.ledger import Ledger
now = datetime.fromisoformat(sys.argv[3])
outbox.deliver(Ledger(Path(sys.argv[1])), [channel.configured("slack", {"url": sys.argv[2]})], lambda: now)
"""


def test_three_processes_that_deliver_at_once_send_each_notice_once(tmp_path: Path) -> None:
    with http() as receiver:
        r = room(tmp_path, deployed=False)
        with r.ledger.write() as connection:
            for i in range(40):
                notice = replace(NOTICE, alert_ids=(), key=f"key-{i}", title=f"notice {i}")
                outbox.put(connection, notice, "slack", r.clock())
        arguments = [str(r.ledger.path), receiver.url, r.clock().isoformat()]
        racers = [subprocess.Popen([sys.executable, "-c", RACER, *arguments]) for _ in range(3)]
        assert [racer.wait(timeout=60) for racer in racers] == [0] * 3
        told = sorted(receiver.json(i)["blocks"][0]["text"]["text"] for i in range(len(receiver.got)))
    assert told == sorted(f"notice {i}" for i in range(40))
