"""`watchroom sql`: every form of an answer, into a pipe and into a file; the prompt on a terminal."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from console.sinks import Form, write
from engine.room import Room
from storage.fence import answering
from tests.console.command_line import CommandLine
from tests.terminal.pty_run import OnTerminal

ROWS = "SELECT client_ip, status, ts, path FROM requests ORDER BY ts, path"


@pytest.fixture
def ask(filled: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    shutil.copytree(filled, tmp_path / "home")
    return CommandLine(tmp_path / "home", capfd)


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "arrow", "parquet"])
def test_a_file_holds_the_whole_answer_in_the_form_its_suffix_tells(
    form: str, ask: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / f"answer.{form}"
    assert ask.plain("sql", ROWS, "--to", str(target)).code == 0
    readers = {"csv": pl.read_csv, "json": pl.read_json, "jsonl": pl.read_ndjson, "arrow": pl.read_ipc,
               "parquet": pl.read_parquet}  # fmt: skip
    rows = readers[form](target)
    assert rows.columns == ["client_ip", "status", "ts", "path"]
    assert rows.height == 40
    assert str(rows["ts"][0])[:10] == "2026-03-02"
    again = ask.plain("sql", ROWS, "--to", str(target))
    assert again.code == 2 and "there already" in again.said


def test_a_query_that_fails_leaves_no_file(ask: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "answer.csv"
    failing = "SELECT CASE WHEN range = 90000 THEN error('boom') ELSE 'a' END AS x FROM range(100000)"
    assert ask.plain("sql", failing, "--to", str(target)).code == 4
    assert not target.exists()
    assert ask.plain("sql", "SELECT 1", "--to", str(tmp_path / "answer.doc")).code == 2


@pytest.mark.parametrize("form", [Form.arrow, Form.parquet])
def test_bytes_go_into_a_pipe(form: Form, room: Room) -> None:
    """A pipe cannot be sought: Arrow goes as a stream, and Parquet needs no seeking."""
    reading, writing = os.pipe()
    with answering(room.reader, ROWS) as answer, os.fdopen(writing, "wb") as out:
        assert write(answer, form, out) == (40, False)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    rows = pa.ipc.open_stream(data).read_all() if form is Form.arrow else pl.read_parquet(io.BytesIO(data))
    assert rows.shape == (40, 4)


def test_a_limit_is_told_and_an_empty_answer_keeps_its_form(ask: CommandLine) -> None:
    cut = ask("sql", ROWS, "--limit", "3")
    assert len(cut.rows) == 3 and "there are more" in cut.said
    assert ask("sql", ROWS, "--limit", "40").said == ""
    assert ask("sql", f"SELECT * FROM ({ROWS}) WHERE status = 7").rows == []
    assert ask("sql", "SELECT 1 AS a WHERE false", "--output", "csv").out == "a\n"


def exchange(on: OnTerminal, typed: bytes, shown: bytes) -> None:
    """Type, and wait for what must be shown."""
    on.output = b""
    os.write(on.fd, typed)
    on.wait_for(shown)


def test_the_prompt_answers_remembers_and_survives_an_interruption(ask: CommandLine) -> None:
    """One session: two lines, an endless query stopped by Ctrl-C, an error, an earlier statement, and the end."""
    environ = {**os.environ, "TERM": "xterm", "WATCHROOM_HOME": str(ask.home)}
    history = ask.home / "sql_history"
    on = OnTerminal(["-m", "console", "sql"], environ)
    try:
        exchange(on, b"", b"watchroom> ")
        exchange(on, b"SELECT count(*) + 1000\n", b"...> ")
        exchange(on, b"AS n FROM requests;\n", b"1040")
        os.write(on.fd, b"SELECT sum(range % 7) FROM range(1000000000000);\n")
        while b"range % 7" not in (history.read_bytes() if history.exists() else b""):
            on.pump(0.05)
        exchange(on, b"\x03", b"interrupted")
        exchange(on, b"SELEC 1;\n", b"cannot parse")
        exchange(on, b"\x1b[A\x1b[A\x1b[A\n", b"1040\r\nwatchroom> ")
        os.write(on.fd, b"\x04")
        assert on.ended() == 0
    finally:
        on.close()
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.read_text().splitlines()[0] == "SELECT count(*) + 1000 AS n FROM requests;"


def test_without_a_terminal_there_is_no_prompt_and_no_bytes_go_to_one(
    ask: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "give one statement" in ask.plain("sql").said
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    refused = ask("sql", "SELECT 1", "--output", "parquet")
    assert refused.code == 2 and "not for a terminal" in refused.said
