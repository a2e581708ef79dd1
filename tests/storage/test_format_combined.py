"""Access logs in text: what people append to them, what attackers put into them."""

from __future__ import annotations

import numpy as np
import pytest

from storage.format import load
from storage.records import Text, to_records

HEAD = "10.0.0.9 - - [02/Mar/2026:09:00:00 +0000] "


def row(line: str) -> dict[str, object]:
    """The one row of `requests` that `line` becomes."""
    raw = line.encode() + b"\n"
    result = load("combined").parse(to_records(Text(raw, 0), np.array([len(raw)], dtype=np.int64)), final=True)
    assert result.rejects.rows() == []
    (found,) = result.frames["requests"].rows(named=True)
    return found


@pytest.mark.parametrize(
    ("extra", "duration_ms", "upstream_ms", "trace_id"),
    [
        ('"0.042"', 42.0, None, None),
        ("0.042 0af7651916cd43dd8448eb211c80319c", 42.0, None, "0af7651916cd43dd8448eb211c80319c"),
        ('"0.042" "0.040"', 42.0, 40.0, None),
        ("rt=0.042 uct=0.000 uht=0.042 urt=0.041 cs=MISS", 42.0, 41.0, None),
        ('rt="0.042" urt="0.010, 0.020 : 0.005"', 42.0, 35.0, None),
        ("rt=0.000 uct=- uht=- urt=- cs=HIT", 0.0, None, None),
        ('"-" "192.0.2.1, 10.0.0.1"', None, None, None),
        ("1234", 1.234, None, None),
        ("12", None, None, None),
        ("512 0.042 [shop-80] [] 10.0.0.1:8080 17 0.040 200 0af7651916cd43dd8448eb211c80319c", 42.0, 40.0,
         "0af7651916cd43dd8448eb211c80319c"),
        ('17 "router@docker" "http://10.0.0.5:80" 215ms', 215.0, None, None),
        ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", None, None, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    ],
)  # fmt: skip
def test_timings_and_ids_behind_the_agent(
    extra: str, duration_ms: float | None, upstream_ms: float | None, trace_id: str | None
) -> None:
    """nginx's seconds by name or place, Apache's microseconds, Traefik's milliseconds; what is unsure is null."""
    found = row(f'{HEAD}"GET / HTTP/1.1" 200 5 "-" "curl" {extra}')
    assert found["status"] == 200 and found["user_agent"] == "curl"
    have = tuple(found.get(name) for name in ("duration_ms", "upstream_ms", "trace_id"))
    assert have == (duration_ms, upstream_ms, trace_id)


@pytest.mark.parametrize(
    "request_line",
    [
        "\\x16\\x03\\x01\\x02",
        "",
        "SSH-2.0-Go",
        "GET",
        "lv|'|'|VHJvamFu|'|'|MARK",
        "Gh0st\\xAD\\x00",
        "EHLO mail",
        "\\x00",
    ],
)
def test_what_is_no_request_lands_with_its_raw_text_as_the_path(request_line: str) -> None:
    """Handshakes of other protocols and noise: no method, the text itself, never a reject."""
    found = row(f'{HEAD}"{request_line}" 400 157 "-" "-"')
    assert found["method"] is None and found["path"] == request_line and found["query"] is None


@pytest.mark.parametrize(
    ("request_line", "method", "path", "query"),
    [
        ("GET /a?b=c?d HTTP/1.1", "GET", "/a", "b=c?d"),
        ("GET /a%20b HTTP/2.0", "GET", "/a%20b", None),
        ("PROPFIND /dav/ HTTP/1.1", "PROPFIND", "/dav/", None),
        ("GET http://evil.example/x HTTP/1.0", "GET", "http://evil.example/x", None),
        ("CONNECT foo.com:25 HTTP/1.1", "CONNECT", "foo.com:25", None),
        ("GET /x y z HTTP/1.1", "GET", "/x y z", None),
        ("GET /", "GET", "/", None),
        ("OPTIONS * HTTP/1.1", "OPTIONS", "*", None),
        ("GET /? HTTP/3.0", "GET", "/", None),
        ("-", None, None, None),
    ],
)
def test_request_lines(request_line: str, method: str | None, path: str | None, query: str | None) -> None:
    """Targets of every form; the version is dropped, a missing one is no fault."""
    found = row(f'{HEAD}"{request_line}" 200 5 "-" "-"')
    assert (found["method"], found["path"], found["query"]) == (method, path, query)


@pytest.mark.parametrize(
    ("line", "client_ip", "host", "user"),
    [
        (HEAD, "10.0.0.9", None, None),
        ("2001:db8::1 - - [02/Mar/2026:09:00:00 +0000] ", "2001:db8::1", None, None),
        ("in24.inetnebr.com - ann [02/Mar/2026:09:00:00 +0000] ", "in24.inetnebr.com", None, "ann"),
        ("a.example:443 10.0.0.9 - ann [02/Mar/2026:09:00:00 +0000] ", "10.0.0.9", "a.example:443", "ann"),
        ("a.example 10.0.0.9 - 95386da8 - [02/Mar/2026:09:00:00 +0000] ", "10.0.0.9", "a.example", "95386da8"),
        ("10.0.0.9 - ann lee [02/Mar/2026:09:00:00 +0000] ", "10.0.0.9", None, "ann lee"),
        ("10.0.0.9 [02/Mar/2026:09:00:00 +0000] ", "10.0.0.9", None, None),
    ],
)
def test_who_asked(line: str, client_ip: str, host: str | None, user: str | None) -> None:
    """Names, IPv6, virtual hosts in front, users with blanks, Varnish's bare client."""
    found = row(line + '"GET / HTTP/1.1" 200 5 "-" "-"')
    assert (found["client_ip"], found["host"], found["remote_user"]) == (client_ip, host, user)


@pytest.mark.parametrize(
    "agent",
    ['a \\"b\\" c', "ends with a backslash \\\\", 'a \\x22b\\x22 "', 'raw " quote', "{${jndi:ldap://x}}", "\\\\x22"],
)
def test_quotes_in_the_agent_do_not_shift_the_fields(agent: str) -> None:
    """Escaped as Apache or nginx do, or raw: status, bytes and referer are where they belong."""
    found = row(f'{HEAD}"GET /a HTTP/1.1" 404 5 "http://r/" "{agent}"')
    plain = agent.replace("\\\\", "\0").replace('\\"', '"').replace("\\x22", '"').replace("\0", "\\")
    assert found["path"] == "/a" and found["status"] == 404 and found["referer"] == "http://r/"
    assert found["user_agent"] == plain


def test_zone_offsets_are_taken_off() -> None:
    """+1100 is eleven hours east of UTC."""
    assert (
        str(row('1.2.3.4 - - [17/Oct/2023:05:57:49 +1100] "GET / HTTP/1.1" 200 5')["ts"])[:19] == "2023-10-16 18:57:49"
    )
