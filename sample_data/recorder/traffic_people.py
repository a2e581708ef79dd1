"""People with browsers: think time, assets, referers, logins, some 404s, an office behind NAT."""

from __future__ import annotations

import random
from urllib.parse import quote_plus

from sample_data.recorder.models import ADJECTIVE, CUSTOMERS, NOUN, PRODUCTS
from sample_data.recorder.stage import Actor, Addresses, Client, Stage

_WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"
BROWSERS = [
    f"{_WIN} {_CHROME.format('142.0.0.0')}",
    f"{_WIN} {_CHROME.format('141.0.0.0')} Edg/141.0.0.0",
    f"{_WIN[:-1]}; rv:145.0) Gecko/20100101 Firefox/145.0",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    f"{_MAC} {_CHROME.format('142.0.0.0')}",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
]
SITE = "http://shop.example"
_ARRIVAL = ["", "", "https://www.google.com/", "https://duckduckgo.com/", "https://news.example/a"]

PAGES: list[tuple[float, str]] = [
    (8, "/"), (14, "/category/{c}"), (24, "/product/{p}"), (11, "/search?q={words}"),
    (6, "/cart"), (4, "/checkout"), (4.5, "/account"), (2, "/orders/print"),
    (2, "/payments/list"), (2, "/catalogue"), (3, "/news?page={g}&rows={r}"), (2.5, "/compare?ids={ids}"),
    (3, "/ratings?start={s}"), (1, "/item?id={p}"),
    (6, "/orders"), (2, "/orders/full"), (4, "/payments"), (2.5, "/categories"),
    (6, "/blog?page={g}&rows={r}"), (4, "/wishlist?ids={ids}"), (4, "/reviews?start={s}&rows={r}"),
]  # fmt: skip


def fill(target: str, rng: random.Random) -> str:
    """Put ids and words into a page's address."""
    many = rng.choice([4, 5, 6, 8, 8, 12, 18])
    ids = ",".join(map(str, rng.sample(range(1, PRODUCTS + 1), many)))
    words = rng.choice([rng.choice(NOUN), f"{rng.choice(ADJECTIVE)} {rng.choice(NOUN)}".lower()])
    return target.format(
        c=rng.randint(1, 12), p=rng.randint(1, PRODUCTS), g=rng.randint(0, 6),
        s=rng.randint(0, 800), ids=ids, r=rng.choice([3, 4, 5, 5, 6, 8, 10]), words=quote_plus(words),
    )  # fmt: skip


def any_page(rng: random.Random) -> str:
    """A page as visitors choose them."""
    weights, targets = zip(*PAGES, strict=True)
    return fill(rng.choices(targets, weights)[0], rng)


def sign_in(client: Client, mistakes: int) -> None:
    """Log in, with some typing errors first; a password manager makes none."""
    user = client.rng.randint(1, CUSTOMERS)
    client.send("/login", referer=f"{SITE}/")
    for attempt in range(mistakes + 1):
        secret = "correct horse" if attempt == mistakes else client.rng.choice(["correct hrose", "Summer24"])
        if not client.pause(0.4 if not mistakes else 3, 1.2 if not mistakes else 8):
            return
        values = {"email": f"user{user}@mail.example", "password": secret}
        client.form("/login", values, referer=f"{SITE}/login")


def _assets(client: Client, first: bool, page: str) -> None:
    here = SITE + page
    if first:
        for name in ("app.css", "app.js", "logo.svg"):
            client.send(f"/static/{name}", referer=here)
        if client.rng.random() < 0.25:
            client.send("/favicon.ico", referer=here)
    if page.startswith("/product") and client.rng.random() < 0.6:
        client.send(f"/static/p{client.rng.randint(1, 40)}.svg", referer=here)
    if page.startswith("/blog") and client.rng.random() < 0.15:
        client.send("/static/banner-2024.png", referer=here)


def browse(client: Client, stop_s: float, think: tuple[float, float] = (3, 16)) -> None:
    """Wander through the shop until it is time to go."""
    rng, before = client.rng, client.rng.choice(_ARRIVAL)
    page, first = rng.choice(["/", "/", any_page(rng)]), True
    signed = rng.random() < 0.45
    client.cookie = "" if signed else f"uid={rng.randint(1, CUSTOMERS)}"
    while client.stage.elapsed < stop_s:
        client.send(page, referer=before)
        _assets(client, first, page)
        before = SITE + page
        if first and signed:
            sign_in(client, rng.choice([0, 0, 0, 1, 1, 2]))
        first = False
        page = any_page(rng)
        if rng.random() < 0.015:
            page = rng.choice([f"/product/{PRODUCTS + rng.randint(1, 900)}", "/categroy/3", "/sale", "/blog/41"])
        if not client.pause(*think):
            return


_ODD = [
    "/search?q=select+a+lamp", "/search?q=union+jack+mug", "/search?q=O%27Brien", "/search?q=%3Cb%3E",
    "/search?q=../", "/search?q=drop+table+desk", "/search?q=where+is+my+order%3F",
    "/search?q=100%25+linen+--+white", "/search?q=a+or+b", "/product/1?utm_source=dev&debug=1",
    "/search?q=insert+for+shelf", "/search?q=alert(me)", "/api/v1/products?page=2",
    "/search?q=caf%C3%A9+stool", "/item?id=17", "/search?q=it%27s+%22round%22", "/status",
]  # fmt: skip


def develop(client: Client, stop_s: float) -> None:
    """A developer who tries odd but harmless queries."""
    while client.stage.elapsed < stop_s:
        client.send(client.rng.choice(_ODD), referer=client.rng.choice(["", f"{SITE}/"]))
        if not client.pause(4, 18):
            return


def plan(seed: int, seconds: float, addresses: Addresses) -> list[Actor]:
    """About eight new visitors a minute, one office behind one address, two developers."""
    rng = random.Random(f"{seed}:people")
    actors = []

    def add(name: str, start: float, stop: float, address: str, how: str) -> None:
        own, agent = random.Random(f"{seed}:{name}"), rng.choice(BROWSERS)

        def play(stage: Stage, until: float) -> None:
            client = Client(stage, address, agent, own, how)
            develop(client, until) if how == "developer" else browse(client, until)

        actors.append(Actor(name, start, play, stop))

    for i in range(max(6, round(seconds / 60 * 7.8))):
        start = rng.uniform(-90, seconds - 8)
        stop = min(max(start, 0) + rng.uniform(70, 290), seconds)
        add(f"visitor{i}", max(start, rng.uniform(0, 6)), stop, addresses.take(), "browser")
    office = addresses.take(six=0)
    for i in range(4):
        start = rng.uniform(0, seconds * 0.4)
        add(f"office{i}", start, start + seconds * 0.5, office, "office behind one address")
    for i in range(2):
        add(f"developer{i}", seconds * 0.1, seconds * 0.9, addresses.take(), "developer")
    return actors
