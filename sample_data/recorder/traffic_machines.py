"""Honest programs: partners' API clients, health checks, monitoring, crawlers."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable

from sample_data.recorder.models import PRODUCTS
from sample_data.recorder.stage import Actor, Addresses, Client, Stage
from sample_data.recorder.traffic_people import fill

_BOT = "Mozilla/5.0 (compatible; {})"
CRAWLERS = [
    _BOT.format("Googlebot/2.1; +http://www.google.com/bot.html"),
    _BOT.format("bingbot/2.0; +http://www.bing.com/bingbot.htm"),
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Applebot/0.1; "
    "+http://www.apple.com/go/applebot) Safari/605.1.15",
]
PARTNERS = ["python-requests/2.32.5", "okhttp/5.1.0", "Go-http-client/2.0", "axios/1.12.2", "ShopSync/3.4"]

CALLS: list[tuple[float, str]] = [
    (24, "GET /api/v1/products?page={g}"), (30, "GET /api/v1/products/{p}"),
    (10, "GET /api/v1/customers?start={s70}&rows={n}"),
    (7, "GET /api/v1/customers/export?start={s70}"), (3, "MOVES"), (3, "PRICES"), (4, "RESERVE"),
    (2.5, "LOCK"), (4.5, "GET /api/v1/orders/{p}/wait"), (3, "GET /api/v2/orders?start={s300}&rows={m}"),
    (3, "GET /api/v2/orders/batch?start={s300}"), (5, "GET /api/v2/products/{p}"),
]  # fmt: skip


def call(client: Client) -> None:
    """One call of the interface."""
    rng = client.rng
    weights, kinds = zip(*CALLS, strict=True)
    kind = rng.choices(kinds, weights)[0]
    if kind == "MOVES":
        skus = [f"SKU-{rng.randint(1000, 9999)}" for _ in range(rng.choice([12, 20, 32]))]
        client.json("/api/v1/moves", json.dumps(skus))
    elif kind == "PRICES":
        ids = rng.sample(range(1, PRODUCTS + 1), rng.choice([18, 30, 42]))
        client.json("/api/v1/prices", json.dumps(ids))
    elif kind in {"RESERVE", "LOCK"}:
        # Few hot rows, so that partners really meet.
        client.json(f"/api/v1/{kind.lower()}/{rng.randint(1, 2)}", "{}")
    else:
        target = kind.removeprefix("GET ").replace("{s70}", str(rng.randint(0, 60)))
        target = target.replace("{s300}", str(rng.randint(0, 300)))
        target = target.replace("{n}", str(rng.choice([3, 4, 6, 8, 12, 20])))
        client.send(fill(target.replace("{m}", str(rng.choice([3, 4, 5, 6, 8]))), rng))


def partner(client: Client, stop_s: float) -> None:
    """A client that is quiet, then works off what has piled up."""
    while client.stage.elapsed < stop_s:
        for _ in range(client.rng.choice([3, 4, 6, 9, 14])):
            call(client)
            if not client.pause(0.05, 0.5):
                return
        if not client.pause(12, 35):
            return


def hot_row(clients: list[Client], stop_s: float) -> None:
    """Two calls for one row at the same moment, now and then: someone has to try again."""
    while clients[0].stage.elapsed < stop_s:
        path = clients[0].rng.choice(["/api/v1/reserve/7", "/api/v1/lock/7", "/api/v1/reserve/8"])
        threads = [threading.Thread(target=c.json, args=(path, "{}")) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not clients[0].pause(9, 20):
            return


def crawler(client: Client, stop_s: float) -> None:
    """Reads robots.txt and the sitemap first, then one page every few seconds."""
    client.send("/robots.txt")
    client.send("/sitemap.xml")
    while client.stage.elapsed < stop_s:
        target = client.rng.choice(
            ["/product/{p}", "/product/{p}", "/product/{p}", "/category/{c}", "/news?page={g}&rows={r}",
             "/blog?page={g}&rows={r}", "/catalogue", "/ratings?start={s}"]
        )  # fmt: skip
        client.send(fill(target, client.rng))
        if not client.pause(5, 11):
            return


def regular(client: Client, stop_s: float, paths: list[str], every_s: float) -> None:
    """A probe that comes by the clock."""
    while client.stage.elapsed < stop_s:
        for path in paths:
            client.send(path)
        if not client.stage.wait(every_s):
            return


def plan(seed: int, seconds: float, addresses: Addresses) -> list[Actor]:
    """Five partners, four crawlers, a health check, monitoring, and one feed reader."""
    actors = []

    def add(name: str, agent: str, start: float, play: Callable[[Client, float], None]) -> None:
        address, own = addresses.take(), random.Random(f"{seed}:{name}")

        def go(stage: Stage, stop_s: float) -> None:
            play(Client(stage, address, agent, own, name.rstrip("0123456789")), stop_s)

        actors.append(Actor(name, start, go, seconds))

    for i, agent in enumerate(PARTNERS):
        add(f"api client{i}", agent, 2.0 * i, partner)
    for i, agent in enumerate(CRAWLERS):
        add(f"crawler{i}", agent, 3.0 * i, crawler)
    add("health check", "kube-probe/1.33", 0.5, lambda c, s: regular(c, s, ["/healthz"], 10))
    add("health check1", "ELB-HealthChecker/2.0", 1.5, lambda c, s: regular(c, s, ["/healthz"], 15))
    add("monitoring", "Blackbox-Exporter/0.27.0", 1, lambda c, s: regular(c, s, ["/", "/status"], 30))
    add("feed reader", "FreshRSS/1.27.1", 4, lambda c, s: regular(c, s, ["/news?page=0"], 60))

    pair = [addresses.take(), addresses.take()]

    def meet(stage: Stage, stop_s: float) -> None:
        own = random.Random(f"{seed}:pair")
        hot_row([Client(stage, a, "ShopSync/3.4", own, "api client") for a in pair], stop_s)

    actors.append(Actor("pair", 5, meet, seconds))
    return actors
