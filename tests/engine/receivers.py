"""Receivers of notices on this machine: an HTTP server, an SMTP server, and a desk that is told through them."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engine import alerts, channel, outbox
from engine.alert_rules import Rule
from engine.channel import Channel, Notice
from tests.modelops import JOB, Room, room

NOTICE = Notice("key-1", "fired", "critical", "waf-behavioral accuracy 0.87 under 0.90", ("since 09:00", "look: <b>"),
                "thread-1", "2026-03-02T09:00:00.000000Z", (1,))  # fmt: skip
"""A notice of the highest severity, with a line that looks like markup."""


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
def http() -> Iterator[Receiver]:
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
def smtp() -> Iterator[tuple[int, list[str]]]:
    mails: list[str] = []
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (_Smtp,), {"mails": mails}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1], mails
    finally:
        server.shutdown()
        server.server_close()


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
