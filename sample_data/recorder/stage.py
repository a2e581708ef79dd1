"""What actors need: the web server, the clock, and the book in which the truth is kept."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as its sender knows it; hostile names the kind of attack, or is empty."""

    trace_id: str
    address: str
    status: int
    page: str
    statements: int
    loop_rows: int
    hostile: str
    note: str


@dataclass(slots=True)
class Stage:
    """The recording in progress."""

    web_port: int
    seconds: float
    exchanges: list[Exchange] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)

    def wait(self, seconds: float) -> bool:
        """Sleep; false when the recording is over."""
        return not self.over.wait(max(seconds, 0.0))

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


@dataclass(slots=True)
class Client:
    """One program at one address."""

    stage: Stage
    address: str
    agent: str
    rng: random.Random
    note: str
    cookie: str = ""

    def send(
        self,
        target: str,
        method: str = "GET",
        body: tuple[str, str] | None = None,
        referer: str = "",
        hostile: str = "",
    ) -> int:
        """Send one request as it stands (body: its type and text); keep what it was."""
        fields = {"Host": "shop.example", "X-Forwarded-For": self.address}
        if body:
            fields["Content-Type"] = body[0]
        if self.agent:
            fields["User-Agent"] = self.agent
        if referer:
            fields["Referer"] = referer
        if self.cookie:
            fields["Cookie"] = self.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.stage.web_port, timeout=20)
        try:
            connection.request(method, target, body=body and body[1], headers=fields)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        got = answer.getheader
        if "uid=" in (got("Set-Cookie") or ""):
            self.cookie = (got("Set-Cookie") or "").partition(";")[0]
        done = Exchange(
            got("X-Trace") or "", self.address, answer.status, got("X-Page") or "",
            int(got("X-Statements") or 0), int(got("X-Loop") or 0), hostile, self.note,
        )  # fmt: skip
        self.stage.exchanges.append(done)
        return answer.status

    def form(self, target: str, values: dict[str, str], hostile: str = "", referer: str = "") -> int:
        """Post a form."""
        body = ("application/x-www-form-urlencoded", urlencode(values))
        return self.send(target, "POST", body, referer, hostile)

    def json(self, target: str, body: str) -> int:
        """Post JSON."""
        return self.send(target, "POST", ("application/json", body))

    def pause(self, low: float, high: float) -> bool:
        """Wait a while; false when the recording is over."""
        return self.stage.wait(self.rng.uniform(low, high))


@dataclass(frozen=True, slots=True)
class Actor:
    """Something that happens between two moments of the recording."""

    name: str
    start_s: float
    play: Callable[[Stage, float], None]
    """Called with the stage and the second at which it should stop."""
    stop_s: float


def perform(stage: Stage, actors: list[Actor]) -> None:
    """Play all actors, each in a thread of its own, until the time is over."""

    def run(actor: Actor) -> None:
        if stage.wait(actor.start_s - stage.elapsed):
            actor.play(stage, actor.stop_s)

    threads = [threading.Thread(target=run, args=(actor,), name=actor.name) for actor in actors]
    for thread in threads:
        thread.start()
    try:
        stage.wait(stage.seconds - stage.elapsed)
    finally:
        stage.over.set()
        for thread in threads:
            thread.join(30)


class Addresses:
    """Hands out documentation addresses, none twice; few of them are IPv6."""

    def __init__(self, rng: random.Random) -> None:
        """Shuffle the pools."""
        self._rng = rng
        nets = ("192.0.2", "198.51.100", "203.0.113")
        self._free = [f"{net}.{host}" for net in nets for host in range(2, 255)]
        rng.shuffle(self._free)

    def take(self, six: float = 0.12) -> str:
        """A new address."""
        if self._rng.random() < six:
            a, b, c = (self._rng.randint(1, 0xFFFF) for _ in range(3))
            return f"2001:db8:{a:x}:{b:x}::{c:x}"
        return self._free.pop()
