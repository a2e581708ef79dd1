"""Which format a log has, and what people are shown of the lines that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import UsageError
from storage.format import Examination, examine, fitting, load, names, sniff

ACCESS = '10.0.0.9 - - [22/Nov/2026:16:03:47 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl"\n'


def test_one_line_is_enough() -> None:
    """A log of a single request is recognised, with and without its line end."""
    for text in (ACCESS, ACCESS.rstrip("\n"), ACCESS.replace("\n", "\r\n")):
        found = sniff(text.encode())
        assert found is not None and found.name == "combined"


def test_noise_among_the_lines_does_not_hide_the_format() -> None:
    """A third of the lines is enough, the others are rejects; with less nothing is guessed."""
    found = sniff((ACCESS * 4 + "noise\n" * 8).encode())
    assert found is not None and found.name == "combined"
    assert sniff((ACCESS + "noise\n" * 9).encode()) is None


@pytest.mark.parametrize("head", [b"", b"\n\n", b"\x00\x01\x02" * 50, b"ein Satz ohne Zeit\n", b'{"a":1}\n'])
def test_what_fits_nothing_is_not_guessed(head: bytes) -> None:
    """Nothing, bytes, prose, strange JSON."""
    assert sniff(head) is None


def test_the_more_specific_of_two_that_fit_is_taken() -> None:
    """Our own JSON lines are JSON access logs as well; Caddy's log is JSON with a time and a message."""
    ours = b'{"event":"request","ts":1,"method":"GET","path":"/","status":200,"client_ip":"::1"}\n'
    assert getattr(sniff(ours), "name", None) == "jsonl"


@pytest.mark.parametrize("name", names())
def test_not_every_format_is_asked_and_yet_the_best_is_found(name: str) -> None:
    """The format that is chosen is the one that stands first when all are asked."""
    head = next(sample.text for sample in load(name).samples if sample.kind == "good").encode()
    share, best = fitting(head)[0]
    found = sniff(head)
    assert found is None if share < 0.3 else found is not None and found.name.split("+")[0] == best


def test_examination_counts_and_shows_where_a_line_ceases_to_fit() -> None:
    """Line number, offset, reason and column of each reject; rows by table; how well the formats fit."""
    raw = (ACCESS + "half a line [22/Nov/2026\n" + ACCESS + ACCESS.replace("200", "2x0")).encode()
    found = examine(raw)
    assert isinstance(found, Examination) and found.format == "combined"
    assert found.records == 4 and dict(found.rows) == {"requests": 2} and found.rejected == 2
    assert next(iter(found.shares)) == "combined" and 0.7 < found.shares["combined"] < 0.8
    first, second = found.rejects
    assert (first.line, first.byte_offset, first.column) == (2, len(ACCESS), len("half a line [") + 1)
    assert (second.line, second.column) == (4, ACCESS.index("200") + 1) and "status" in second.reason


def test_a_named_format_is_examined_even_where_it_does_not_fit() -> None:
    """`formats test --format` shows why nothing can be read; broken JSON shows its column."""
    found = examine(ACCESS.encode(), load("jsonl"))
    assert found.format == "jsonl" and found.rejected == 1 and found.rejects[0].column == len("10.0") + 1
    (cut,) = examine(b'{"event":"log","ts":1,\n', load("jsonl")).rejects
    assert cut.column == len('{"event":"log","ts":1,') + 1
    assert examine(b"", load("jsonl")).records == 0 and examine(b"nothing known\n").format is None


def test_an_unknown_format_is_named_with_those_there_are() -> None:
    """One clear line."""
    with pytest.raises(UsageError, match=r"no format 'cocktail'.*combined"):
        load("cocktail")


def test_the_page_about_formats_names_them_all() -> None:
    """docs/formats.md has a row for each format, with its title as the code has it."""
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in rows] == list(names())
    for name, line in zip(names(), rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == load(name).title and cells[2] == ", ".join(load(name).tables)


def test_an_examination_needs_no_date() -> None:
    """A log that tells no date or year is read all the same: only counts and reasons are shown."""
    assert examine(b"16:02:52 Worker 99: cleaning registries\n", load("rq")).rejected == 0
    assert examine(b"Feb 11 13:15:39 pc CRON[1]: (root) CMD (true)\n").rejected == 0
