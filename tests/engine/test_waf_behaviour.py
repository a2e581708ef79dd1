"""What a client does is told by name, and honest clients that do much stay quiet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.waf_traffic import BROWSER, GOOGLEBOT, judged, log, request, verdicts, verdicts_by_case

CLIENT = "203.0.113.7"
Rows = list[dict[str, Any]]


def _agents(n: int) -> Rows:
    return [request("/", at_s=i, user_agent=f"Browser{i}/1.0 (Thing {i})") for i in range(n)]


HOSTILE: dict[str, Rows] = {
    "probing": [request(f"/old/{i}.php", at_s=i, status=404) for i in range(12)],
    "crawling": [request(f"/page/{i}", at_s=i / 10) for i in range(60)],
    "looks for web shells": [request(f"/{n}.php", at_s=i, status=404) for i, n in enumerate(("wso", "c99"))],
    "looks for admin panels": [
        request(p, at_s=i, status=404) for i, p in enumerate(("/phpmyadmin/", "/adminer.php", "/pma/"))
    ],
    "password guessing": [request("/login", at_s=i, method="POST", status=401) for i in range(8)],
    "slow password guessing": [request("/login", at_s=40 * i, method="POST", status=401) for i in range(8)],
    "xmlrpc": [request("/xmlrpc.php", at_s=i, method="POST") for i in range(8)],
    "WordPress scan": [
        request(f"/blog/wp-content/plugins/p{i}/x.js", at_s=i, status=404, user_agent="x") for i in range(6)
    ],
    "changes its user agent": _agents(14),
    "flood past the cache": [request("/", at_s=i / 40, query=str(10**9 + i)) for i in range(60)],
    "varies its payload": [
        request("/search", at_s=2 * i, query=f"q={text}")
        for i, text in enumerate(
            ("1'||'1", "1'/**/or/**/1", "1' or 'a'='a", "1'%20oR%201--", "1' && 1=1#", "1' xor 1--")
        )
    ],
    "flood:": [request("/", at_s=i / 30) for i in range(1700)],
    "low and slow": [request(f"/hidden-{i}.html", at_s=45 * i, status=404) for i in range(30)],
    "talks no HTTP": [request(f"garbage-{i}", at_s=i, method=None, status=400) for i in range(6)],
    "scanner's user agent": [request("/", user_agent="Mozilla/5.00 (Nikto/2.1.5) (Evasions:None)")],
    "an application's inner files": [request("/.git/config", status=404)],
    "published PHP hole": [request("/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", status=404)],
}
HONEST: dict[str, Rows] = {
    "a health check": [request("/health", at_s=5 * i, user_agent="kube-probe/1.31") for i in range(240)],
    "a monitor that is not let in": [
        request("/", at_s=60 * i, status=401, user_agent="Uptime-Kuma/1.23") for i in range(25)
    ],
    "an API client's burst": [
        request("/api/items", at_s=i / 10, query=f"page={i}", user_agent="python-requests/2.32") for i in range(300)
    ],
    "a password manager": [
        request(p, at_s=i / 9) for i, p in enumerate(["/", "/.well-known/change-password", "/login"] * 150)
    ],
    "a search engine": [
        request(f"/page/{i}", at_s=i / 4, user_agent=GOOGLEBOT, status=404 if i % 8 == 0 else 200) for i in range(120)
    ],
    "a page with many pictures": [request(f"/img/{i}.png", at_s=i / 50, status=404) for i in range(80)],
    "somebody who mistyped": [
        request("/login", at_s=20 * i, method="POST", status=401 if i < 3 else 302) for i in range(4)
    ],
    "an office behind one address": [
        request(
            "/login", at_s=30 * i, method="POST", status=401 if i % 3 == 0 else 302, user_agent=f"{BROWSER} {i % 7}"
        )
        for i in range(24)
    ],
    "a reader of the news": [request(f"/article/{i}", at_s=15 * i) for i in range(60)],
    "an administrator at home": [request("/phpmyadmin/index.php", at_s=10 * i, query=f"table=t{i}") for i in range(10)],
}


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[float, str]]:
    """All cases of this file, judged in one run."""
    return verdicts_by_case(HOSTILE | HONEST)


@pytest.mark.parametrize("words", HOSTILE)
def test_the_reason_names_what_the_client_does(words: str, told: dict[str, tuple[float, str]]) -> None:
    score, reason = told[words]
    assert score >= 0.5, reason
    assert words in reason


@pytest.mark.parametrize("who", HONEST)
def test_an_honest_client_stays_quiet(who: str, told: dict[str, tuple[float, str]]) -> None:
    score, reason = told[who]
    assert score < 0.5, reason


def test_many_clients_that_guess_together_are_told_apart_from_one_that_mistyped() -> None:
    guessers = [
        request("/login", at_s=25 * i + c, method="POST", status=401, client_ip=f"198.51.100.{c}")
        for c in range(6)
        for i in range(3)
    ]
    people = [
        request("/login", at_s=30, method="POST", status=401),
        request("/login", at_s=50, method="POST", status=302),
    ]
    found = verdicts(*guessers, *people)
    assert all("distributed" in found[f"198.51.100.{c}"][1] for c in range(6))
    assert found[CLIENT][0] < 0.5


def test_a_flood_from_many_addresses_is_told_from_success_and_from_polling() -> None:
    """New clients that repeat themselves; visitors ask once, pollers have been there."""
    bots = [request("/buy", at_s=2400 + s, client_ip=f"198.51.100.{c}") for c in range(12) for s in range(0, 60, 1)]
    visitors = [request("/buy", at_s=2400 + c / 5, client_ip=f"192.0.2.{c}") for c in range(200)]
    polls = [
        request("/api/state", at_s=minute * 60 + s, client_ip=f"203.0.113.{c}")
        for c in range(12)
        for minute in (*range(c, 20), 40)
        for s in range(0, 60, 2)
    ]
    health = [request("/health", at_s=60 * i) for i in range(41)]
    found = verdicts(*bots, *visitors, *polls, *health)
    told = {client for client, (_, reason) in found.items() if "distributed flood: one of 12 clients" in reason}
    flooders = {f"198.51.100.{c}" for c in range(12)}
    assert flooders <= told
    assert {client for client, (score, _) in found.items() if score >= 0.5} == flooders


def test_a_client_that_attacked_is_watched_for_a_while() -> None:
    """The same odd request weighs more after an attack, and no more than usual an hour later."""
    attack = request("/x", query="id=1' UNION SELECT a FROM b--")
    odd: dict[str, Any] = {"path": "/cms/", "status": 404}
    soon, late, alone = (
        judged(log(rows)).sort("window_start")["score"][-1]
        for rows in ([attack, request(at_s=300, **odd)], [attack, request(at_s=4000, **odd)], [request(**odd)])
    )
    assert soon >= 0.5 > late
    assert late == alone


def test_the_evidence_shows_the_requests_and_what_the_log_lacked() -> None:
    row = judged(log(HOSTILE["probing"])).row(0, named=True)
    evidence = json.loads(row["evidence"])
    assert {p["kind"] for p in evidence["parts"]} >= {"probing"}
    part = next(p for p in evidence["parts"] if p["kind"] == "probing")
    assert part["requests"][0] == "/old/0.php"
    assert 0 < part["weight"] < 1
    assert set(evidence["lacked"]) == {"headers", "body", "referer"}


def test_a_client_without_a_name_is_judged_by_payload_alone() -> None:
    unnamed = [request(f"/old/{i}.php", at_s=i, status=404, client_ip=None) for i in range(30)]
    assert verdicts(*unnamed)["unknown client"][0] < 0.5
    unnamed.append(request("/x", query="id=1' OR '1'='1", client_ip=None))
    assert verdicts(*unnamed)["unknown client"][0] >= 0.5


def test_what_is_missing_for_everybody_is_the_sites_habit() -> None:
    """A page with a dozen dead links is no probing once several visitors have met it; a scanner stays one."""
    names = [f"/dead/{chr(97 + i)}-link" for i in range(14)]
    visitors = [
        request(path, at_s=3 * c + i / 10, status=status, client_ip=f"198.51.100.{c}")
        for c in range(7)
        for status, paths in ((404, names), (200, [f"/live/{i}" for i in range(20)]))
        for i, path in enumerate(paths)
    ]
    scanner = [request(f"/page-{chr(97 + i)}.php", at_s=20 + i, status=404) for i in range(14)]
    found = verdicts(*visitors, *scanner)
    assert all(found[f"198.51.100.{c}"][0] < 0.5 for c in range(7))
    assert found[CLIENT][0] >= 0.5
    alone = verdicts(*(row for row in visitors if row["client_ip"] == "198.51.100.0"))
    assert alone["198.51.100.0"][0] >= 0.5
