"""PostgreSQL's logs: what is one execution, what waits for a later record, whose statement it is."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from storage.format import Parsed, load
from storage.formats import _sqlcomment
from storage.formats._postgres import JOIN_BYTES, JOIN_S
from storage.records import Text, to_records


def line(text: str, *, at: str = "09:00:00.000", pid: int = 7, prefix: str = "u@d ") -> str:
    """A line of the log under `%m [%p] %q%u@%d `."""
    return f"2026-03-02 {at} UTC [{pid}] {prefix}{text}\n"


def parsed(text: str, *, final: bool = True, base: int = 0) -> Parsed:
    """`text` through the stderr format."""
    fmt, raw = load("postgresql"), text.encode()
    ends = fmt.ends(raw)
    if final and (not len(ends) or ends[-1] < len(raw)):
        ends = np.append(ends, len(raw)).astype(np.int64)
    return fmt.parse(to_records(Text(raw, base), ends), final=final)


TEXT = "LOG:  statement: SELECT 1"
BARE = "LOG:  duration: 2.5 ms"
OTHER = "LOG:  checkpoint starting: time"


def test_a_text_waits_for_its_duration_and_holds_the_block() -> None:
    """Without the duration nothing from the text on is used; with the rest of the log both make one row."""
    first = line(TEXT) + line(OTHER)
    waiting = parsed(first, final=False)
    assert waiting.held_from == 0 and waiting.frames["queries"].height == waiting.frames["logs"].height == 0
    whole = parsed(first + line(BARE) + line(OTHER))
    assert whole.frames["queries"]["duration_ms"].to_list() == [2.5]
    assert whole.frames["logs"].height == 2 and whole.held_from is None


def test_a_text_waits_no_longer_than_the_log_s_own_time_allows() -> None:
    """Ten seconds or a mebibyte later it lands without a duration: a bound on what is read again."""
    late = line(OTHER, at=f"09:00:{JOIN_S + 1:02}.000")
    result = parsed(line(TEXT) + late * 2, final=False)
    assert result.held_from is None and result.frames["queries"]["duration_ms"].to_list() == [None]
    long = line("LOG:  " + "x" * (JOIN_BYTES + 1))
    result = parsed(line(TEXT) + long + line(OTHER) * 2, final=False)
    assert result.frames["queries"]["duration_ms"].to_list() == [None]


def test_a_duration_too_long_to_be_joined_is_not_lost() -> None:
    """The slowest statements matter most: their bare duration is a log record of the session."""
    log = line(TEXT) + line("LOG:  duration: 15000.250 ms", at="09:00:15.000")
    result = parsed(log)
    assert result.frames["queries"]["duration_ms"].to_list() == [None]
    assert result.frames["logs"]["message"].to_list() == ["duration: 15000.250 ms"]


def test_a_duration_without_any_text_is_not_lost() -> None:
    """`log_duration` without `log_statement`: what took so long is not told, that something did is a log record."""
    result = parsed(line(BARE) + line("LOG:  duration: 12.000 ms", pid=8))
    assert result.frames["logs"]["message"].to_list() == ["duration: 2.5 ms", "duration: 12.000 ms"]
    assert result.frames["logs"]["context"].str.contains("session").all()


def test_a_duration_belongs_to_its_own_session_and_to_one_text() -> None:
    """Backends interleave; parse and bind durations come before the text; an error ends the wait."""
    log = (
        line(BARE, pid=1) + line(TEXT, pid=1) + line(TEXT, pid=2) + line("LOG:  duration: 9 ms", pid=2)
        + line(BARE, pid=1) + line(TEXT, pid=3) + line("ERROR:  no such table", pid=3) + line("LOG:  duration: 8 ms", pid=3)  # noqa: E501
    )  # fmt: skip
    found = parsed(log).frames["queries"].sort("session")
    assert found.select("session", "duration_ms", "error").rows() == [
        ("1", 2.5, None), ("2", 9.0, None), ("3", None, "no such table"),
    ]  # fmt: skip


def test_a_plan_joins_the_statement_that_it_explains_and_no_other() -> None:
    """The plan of a statement inside a function stays a row of its own; the outer one's is no second execution."""
    plan = "LOG:  duration: 1.0 ms  plan:\n\tQuery Text: {}\n\tSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)"
    log = (
        line(plan.format("SELECT inner")) + line(plan.format("SELECT f()"))
        + line("LOG:  duration: 3.0 ms  statement: SELECT f()")
    )  # fmt: skip
    found = parsed(log).frames["queries"]
    assert found["sql"].to_list() == ["SELECT inner", "SELECT f()"]
    assert found["duration_ms"].to_list() == [1.0, 3.0]
    assert found["plan"].str.starts_with("Seq Scan").to_list() == [True, True]


def test_a_json_plan_is_read_as_well() -> None:
    """auto_explain.log_format = json."""
    plan = 'LOG:  duration: 1.0 ms  plan:\n\t{\n\t  "Query Text": "SELECT 1;\\nSELECT 2",\n\t  "Plan": {}\n\t}'
    (found,) = parsed(line(plan)).frames["queries"].rows(named=True)
    assert found["sql"] == "SELECT 1;\nSELECT 2" and json.loads(found["plan"])["Plan"] == {}


@pytest.mark.parametrize(
    ("detail", "params"),
    [
        ("parameters: $1 = '5', $2 = NULL", ["5", None]),
        ("Parameters: $1 = 'it''s, $2 = ''x'''", ["it's, $2 = 'x'"]),
        ("parameters: $1 = 'a\n\tb'", ["a\nb"]),
        ("parameters: $1 = '[2023-02-23T00:00,)', $2 = 'cut...'", ["[2023-02-23T00:00,)", "cut..."]),
        ("parameters: $1 = 'tab\there \"q\" \\'", ['tab\there "q" \\']),
        ("prepare: PREPARE p AS SELECT 1", None),
    ],
)
def test_parameters_are_a_json_array(detail: str, params: list[str | None] | None) -> None:
    """Quotes doubled by the server, line ends, NULL, ranges, what was cut short."""
    log = line("LOG:  duration: 1 ms  execute a: SELECT $1") + line(f"DETAIL:  {detail}")
    (found,) = parsed(log).frames["queries"].rows(named=True)
    assert (json.loads(found["params"]) if found["params"] else None) == params


def test_words_that_look_like_records_inside_a_statement_are_text() -> None:
    """`DETAIL:  ` and `LOG:  ` in a literal begin nothing, on the first line and on later ones."""
    log = line("LOG:  duration: 1 ms  statement: SELECT 'DETAIL:  x', 'LOG:  y'\n\tDETAIL:  z") + line(OTHER)
    result = parsed(log)
    assert result.frames["queries"]["sql"].to_list() == ["SELECT 'DETAIL:  x', 'LOG:  y'\nDETAIL:  z"]
    assert result.frames["logs"].height == 1


def test_an_end_is_sure_only_once_the_next_line_has_shown_what_it_is() -> None:
    """Cut in the middle of a DETAIL's prefix, the record before it is not finished."""
    log = line("LOG:  duration: 1 ms  execute a: SELECT $1") + line("DETAIL:  parameters: $1 = '5'")
    fmt = load("postgresql")
    for stop in range(len(log)):
        assert len(fmt.ends(log[:stop].encode())) == 0, log[:stop]


def test_messages_keep_what_belongs_to_them() -> None:
    """Hint, context and statement stand in the record's context, with who and where."""
    log = (
        line("ERROR:  relation \"x\" does not exist at character 15") + line("HINT:  look\n\ttwice")
        + line("STATEMENT:  SELECT /*request_id='r-1'*/ 1 FROM x /*traceparent='00-" + "a" * 32 + "-" + "b" * 16 + "-01'*/")  # noqa: E501
    )  # fmt: skip
    (found,) = parsed(log).frames["logs"].rows(named=True)
    context = json.loads(found["context"])
    assert found["level"] == "error" and found["trace_id"] == "a" * 32
    assert context["hint"] == "look\ntwice" and context["db_user"] == "u" and context["session"] == "7"
    assert context["statement"] == "SELECT /*request_id='r-1'*/ 1 FROM x"


@pytest.mark.parametrize(
    ("sql", "plain", "trace", "parent", "caller"),
    [
        ("SELECT 1 /*traceparent='00-" + "a" * 32 + "-" + "b" * 16 + "-01',route='%2Fusers%2F%3Aid'*/", "SELECT 1",
         "a" * 32, "b" * 16, "/users/:id"),
        ("/*application:Shop,controller:carts,action:show*/ SELECT 1", "SELECT 1", None, None, "carts#show"),
        ("SELECT 1 /* abc:123, def:456 */;", "SELECT 1;", None, None, None),
        ("SELECT '/* a:1 */' /*controller='x'*/", "SELECT '/* a:1 */'", None, None, "x"),
        ("SELECT /*+ IndexScan(t) */ 1", "SELECT /*+ IndexScan(t) */ 1", None, None, None),
        ("SELECT 1 /* just words */", "SELECT 1 /* just words */", None, None, None),
        ("SELECT '/* a:1 */'", "SELECT '/* a:1 */'", None, None, None),
        ("SELECT 1 /*request_id='req-7',file='app.rb:3'*/", "SELECT 1", "req-7", None, "app.rb:3"),
    ],
)  # fmt: skip
def test_comments_that_say_whose_statement_it_is(
    sql: str, plain: str, trace: str | None, parent: str | None, caller: str | None
) -> None:
    """Tags at either end leave the text and tell trace and caller; hints and other comments stay."""
    (found,) = _sqlcomment.read(pl.Series("sql", [sql])).rows(named=True)
    assert found == {"sql": plain, "trace_id": trace, "parent_span_id": parent, "caller": caller}


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("2026-03-02 09:00:00.000 UTC [7] ", {"session": "7"}),
        ("2026-03-02 09:00:00 UTC [7]: [1-1] user=ann,db=shop,app=psql,client=::1 ",
         {"session": "7", "db_user": "ann", "database": "shop", "application": "psql"}),
        ("2026-03-02 09:00:00 UTC:10.0.0.1(48808):ann@shop:[7]:", {"session": "7", "db_user": "ann", "database": "shop"}),  # noqa: E501
        ("2026-03-02 09:00:00 UTC-5eefe116.22f4-", {"session": "5eefe116.22f4"}),
        ("2026-03-02 09:00:00.000 UTC [7] [queryid=-12] ann@shop ", {"db_user": "ann", "database": "shop"}),
        ("2026-03-02 09:00:00.000 UTC [7] ann@shop app=sidekiq 1.2 queues:x[0 of 5 busy] vxid=3/12 ",
         {"application": "sidekiq 1.2 queues:x[0 of 5 busy]", "transaction_id": "3/12"}),
        ("2026-03-02 09:00:00.000 UTC [7] [user=[unknown],db=[unknown],app=[unknown]] ",
         {"db_user": None, "database": None, "application": None}),
        ("1772442000.000 [7] ", {"session": "7"}),
        ("user=ann,db=shop 2026-03-02 09:00:00 UTC [7] ", {"db_user": "ann", "database": "shop"}),
        ("2026-03-02 09:00:00.000 UTC [7] ann@shop app=0af7651916cd43dd8448eb211c80319c ",
         {"trace_id": "0af7651916cd43dd8448eb211c80319c"}),
    ],
)  # fmt: skip
def test_prefixes_are_learnt_from_the_line(prefix: str, told: dict[str, str | None]) -> None:
    """Default, pgBadger's habit, RDS, Azure, keys in any order, names with blanks and brackets, an id as the name."""
    (found,) = parsed(f"{prefix}LOG:  duration: 1 ms  statement: SELECT 1\n").frames["queries"].rows(named=True)
    assert str(found["ts"])[:19] == "2026-03-02 09:00:00"
    assert {name: found[name] for name in told} == told
