"""Attackers: each a campaign with its own rate, tools and patience."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from sample_data.recorder import payloads
from sample_data.recorder.models import CUSTOMERS
from sample_data.recorder.stage import Actor, Addresses, Client, Stage
from sample_data.recorder.traffic_people import BROWSERS, SITE, any_page

SQLMAP = "sqlmap/1.9.10#stable (https://sqlmap.org)"
TOOLS = ["Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:map_codes)", "gobuster/3.8",
         "Fuzz Faster U Fool v2.1.0-dev", "Mozilla/5.0 zgrab/0.x"]  # fmt: skip
ROTATION = [*BROWSERS, "curl/8.16.0", "Wget/1.25.0", "python-requests/2.31.0", "Opera/9.80", "-"]
SECRETS = ["123456", "password", "qwerty", "letmein", "Summer2026!", "iloveyou", "admin123", "welcome1"]

Play = Callable[[Client, float], None]


def throw(kind: str, make: Callable[[random.Random], str], pause: tuple[float, float]) -> Play:
    """Send payloads of one sort."""

    def play(client: Client, stop_s: float) -> None:
        while client.stage.elapsed < stop_s:
            client.send(make(client.rng), hostile=kind)
            if not client.pause(*pause):
                return

    return play


def scan(pause: tuple[float, float]) -> Play:
    """Ask for a list of files that should not be there."""

    def play(client: Client, stop_s: float) -> None:
        words = list(payloads.WORDS)
        client.rng.shuffle(words)
        while client.stage.elapsed < stop_s:
            word = words.pop() if words else f"{client.rng.randint(1, 99999):x}.php"
            method = client.rng.choices(["GET", "HEAD", "OPTIONS"], [8, 3, 1])[0]
            client.send(f"/{word}", method, hostile="scanner")
            if not client.pause(*pause):
                return

    return play


def guess(kind: str, pause: tuple[float, float], mixed: bool = False) -> Play:
    """Try passwords; the patient ones look at the form now and then."""

    def play(client: Client, stop_s: float) -> None:
        victim = client.rng.randint(1, CUSTOMERS)
        while client.stage.elapsed < stop_s:
            if mixed:
                victim = client.rng.randint(1, CUSTOMERS * 2)
                client.send("/login", hostile=kind)
            values = {"email": f"user{victim}@mail.example", "password": client.rng.choice(SECRETS)}
            client.form("/login", values, hostile=kind, referer=f"{SITE}/login" if mixed else "")
            if not client.pause(*pause):
                return

    return play


def rotate(client: Client, stop_s: float) -> None:
    """Another user agent for each request, looking for weak spots."""
    rng = client.rng
    while client.stage.elapsed < stop_s:
        client.agent = rng.choice(ROTATION)
        target = rng.choice([f"/{rng.choice(payloads.WORDS)}", payloads.any_of_them(rng), any_page(rng)])
        client.send(target, hostile="rotating user agents")
        if not client.pause(2, 7):
            return


def low_and_slow(client: Client, stop_s: float) -> None:
    """Mostly a normal visitor; one request in some is a probe."""
    rng, before = client.rng, ""
    while client.stage.elapsed < stop_s:
        if rng.random() < 0.3:
            probe = rng.choice([f"/{rng.choice(payloads.WORDS)}", payloads.any_of_them(rng)])
            client.send(probe, hostile="low and slow", referer=before)
        else:
            page = any_page(rng)
            client.send(page, referer=before)
            before = SITE + page
        if not client.pause(8, 24):
            return


def flood(client: Client, stop_s: float) -> None:
    """The front page as fast as it goes, from one address."""
    while client.stage.elapsed < stop_s:
        client.send(f"/?{client.rng.randint(1, 10**6)}", hostile="flood")
        if not client.pause(0.06, 0.2):
            return


@dataclass(frozen=True, slots=True)
class Campaign:
    """Some addresses doing the same within a part of the recording (shares of its length)."""

    name: str
    clients: int
    start: tuple[float, float]
    length: tuple[float, float]
    agents: list[str]
    play: Play


def campaigns() -> list[Campaign]:
    """All campaigns of a recording."""
    sqli, xss, up = payloads.sql_injection, payloads.cross_site, payloads.traversal
    return [
        Campaign("sqli tool", 1, (0.15, 0.2), (0.2, 0.25), [SQLMAP], throw("sql injection", sqli, (0.6, 1.6))),
        Campaign("sqli", 2, (0.1, 0.6), (0.25, 0.35), BROWSERS, throw("sql injection", sqli, (5, 14))),
        Campaign("xss", 2, (0.1, 0.7), (0.2, 0.3), BROWSERS, throw("cross-site scripting", xss, (3, 10))),
        Campaign("up", 2, (0.1, 0.7), (0.15, 0.25), ["curl/8.16.0"], throw("path traversal", up, (2, 7))),
        Campaign("scan", 3, (0.05, 0.8), (0.12, 0.2), TOOLS, scan((0.7, 1.8))),
        Campaign("scan2", 2, (0.1, 0.6), (0.2, 0.3), BROWSERS, scan((4, 9))),
        Campaign("guess", 2, (0.1, 0.7), (0.15, 0.2), ["python-requests/2.31.0", BROWSERS[0]],
                 guess("login guessing, fast", (0.5, 1.5))),
        Campaign("slow guess", 2, (0.05, 0.2), (0.6, 0.7), BROWSERS, guess("login guessing, slow", (18, 32))),
        Campaign("stuffing", 5, (0.3, 0.5), (0.25, 0.35), BROWSERS,
                 guess("login guessing, many addresses", (14, 30), mixed=True)),
        Campaign("rotate", 2, (0.1, 0.6), (0.3, 0.4), ["-"], rotate),
        Campaign("low", 4, (0.0, 0.15), (0.75, 0.85), BROWSERS, low_and_slow),
        Campaign("flood", 1, (0.55, 0.6), (0.1, 0.12), [BROWSERS[1]], flood),
    ]  # fmt: skip


def plan(seed: int, seconds: float, addresses: Addresses) -> list[Actor]:
    """Every campaign's clients, placed in time."""
    rng = random.Random(f"{seed}:attacks")
    actors = []

    def add(campaign: Campaign, name: str) -> None:
        address, agent = addresses.take(), rng.choice(campaign.agents)
        own, play = random.Random(f"{seed}:{name}"), campaign.play
        start = rng.uniform(*campaign.start) * seconds

        def go(stage: Stage, stop_s: float) -> None:
            play(Client(stage, address, agent, own, "attacker, nothing hostile in this minute"), stop_s)

        actors.append(Actor(name, start, go, start + rng.uniform(*campaign.length) * seconds))

    for campaign in campaigns():
        for i in range(campaign.clients):
            add(campaign, f"{campaign.name}{i}")
    return actors
