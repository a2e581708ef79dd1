"""What hides a payload is undone, and honest text stays what it was."""

from __future__ import annotations

import base64
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.waf.decoding import LAYERS, bare, decoded, from_base64, squeezed
from engine.waf.readings import readings
from engine.waf.units import UNIT_SCHEMA, distinct_pieces, units_of


def one(text: str, how: pl.Expr) -> str | None:
    value = pl.DataFrame({"t": [text]}, schema={"t": pl.String}).select(how).item()
    assert value is None or isinstance(value, str)
    return value


TEXT = pl.col("t")


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("%3Cscript%3E", "<script>"),
        ("%253Cscript%253E", "<script>"),
        ("&#x3c;script&#62;", "<script>"),
        ("&#0000060script&gt;", "<script>"),
        ("\\u003cscript\\x3e", "<script>"),
        ("%u003cscript%uff1e", "<script>"),
        ("\uff1cscript\uff1e", "<script>"),
        ("%EF%BC%9Cscript%EF%BC%9E", "<script>"),
        ("..%c0%af..%c0%afetc", "../../etc"),
        ("un%e2%80%8bion", "union"),
        ("java&Tab;script&colon;", "javascript:"),
    ],
)
def test_an_encoding_is_undone(hidden: str, plain: str) -> None:
    assert one(hidden, decoded(TEXT)) == plain


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40), st.integers(1, LAYERS))
@settings(max_examples=30, deadline=None)
def test_url_encoding_is_undone_however_often_up_to_the_limit(text: str, times: int) -> None:
    """Every sign percent-encoded, `times` layers deep, comes back in lower case."""
    if any(sign in text for sign in "%&\\"):
        return
    hidden = text
    for _ in range(times):
        hidden = "".join(f"%{ord(c):02X}" for c in hidden) if hidden is text else quote(hidden, safe="")
    assert one(hidden, decoded(TEXT)) == text.lower()


@given(st.text(max_size=60))
@settings(max_examples=30, deadline=None)
def test_no_text_breaks_the_readings(text: str) -> None:
    """Any text at all, in any column, is cut and read without an error and the same twice."""
    requests = pl.DataFrame({c: [text] for c in ("path", "query", "body", "headers", "referer", "user_agent")})
    units = units_of(distinct_pieces(requests))
    assert units.schema == UNIT_SCHEMA
    again = readings(units.select("zone", "unit").unique(maintain_order=True))
    assert again.equals(readings(units.select("zone", "unit").unique(maintain_order=True)))


def test_foreign_text_stays_letters() -> None:
    assert one("caf%C3%A9 %E4%BD%A0", decoded(TEXT)) == "cafÿÿ ÿÿÿ"


def test_comments_and_white_space_become_one_space() -> None:
    assert one("union/**/ \t select/*!50000 x*/", squeezed(decoded(TEXT))) == "union select x "


def test_a_shell_sees_through_quotes_and_variables() -> None:
    assert one("c\\a't'${IFS}/etc/pas\"s\"wd", bare(decoded(TEXT))) == "cat /etc/passwd"
    assert one("${${::-j}${lower:n}${::-d}i:ldap://x}", bare(decoded(TEXT))) == "${jndi:ldap://x}"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=6, max_size=60), st.booleans())
@settings(max_examples=30, deadline=None)
def test_base64_of_printable_text_is_opened_padded_or_not(text: str, padded: bool) -> None:
    word = base64.b64encode(text.encode()).decode()
    assert one(word if padded else word.rstrip("="), from_base64(TEXT)) == text


@pytest.mark.parametrize("word", ["hello", "AAAAAAAAAAAA", "not base64 at all!", "9f86d081884c7d659a2feaa0c55ad015"])
def test_what_opens_to_no_text_stays_closed(word: str) -> None:
    assert one(word, from_base64(TEXT)) is None
