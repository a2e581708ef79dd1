"""`watchroom lake` and `watchroom forget` as one types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.console.command_line import CommandLine
from tests.storage.test_masking import grep

WHO = "203.0.113.7"


@pytest.fixture
def ask(filled: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    shutil.copytree(filled, tmp_path / "home")
    return CommandLine(tmp_path / "home", capfd)


def test_the_live_segments_of_a_table_are_listed(ask: CommandLine) -> None:
    rows = ask("lake", "files", "--table", "requests").rows
    assert {row["table"] for row in rows} == {"requests"}
    assert sum(pl.read_parquet(row["path"], hive_partitioning=False).height for row in rows) == 40
    assert ask("lake", "files", "requests", "--table", "jobs").code == 2
    assert ask("lake", "files", "--subject", "requests").code == 2
    assert ask("lake", "files", "--table", "nonesuch").code == 2


def test_a_table_or_all_become_delta_tables(ask: CommandLine) -> None:
    pytest.importorskip("deltalake")
    [one] = ask("lake", "export", "--delta", "--table", "requests").rows
    assert pl.scan_delta(one["path"]).select(pl.len()).collect().item() == one["rows"] == 40
    every = ask("lake", "export", "--delta").rows
    assert {row["table"] for row in every} >= {"requests", "queries", "jobs", "predictions", "labels"}
    assert ask("lake", "export", "--delta", "--to", "/tmp/elsewhere").code == 2


@pytest.mark.parametrize("words", [("forget", "--subject", WHO), ("lake", "forget", "--subject", WHO)])
def test_a_subject_is_forgotten_after_a_yes(words: tuple[str, ...], ask: CommandLine) -> None:
    assert ask("label", "waf-behavioral", WHO, "true", "--note", f"it was {WHO}", "--yes").code == 0
    assert ask(*words, "--dry-run").code == 0
    assert ask(*words).code == 5, "a script must say --yes"
    assert grep(ask.home, WHO)
    [done] = ask(*words, "--yes").rows
    assert done["rows"]["predictions"] > 1 and done["rows"]["requests"] == 1 and done["ledger_rows"] == 1
    assert [path for path in grep(ask.home, WHO) if WHO in _words(path)] == []
    assert ask("audit", "verify").code == 0
    assert ask("forget", "--subject", "x", "--yes").code == 5


def _words(path: Path) -> list[str]:
    """The words of a file, so that 203.0.113.7 is not found in 203.0.113.70."""
    packed = path.suffix == ".parquet"
    text = (
        str(pl.read_parquet(path, hive_partitioning=False).to_dicts()) if packed else path.read_bytes().decode("latin1")
    )
    return text.replace("'", " ").replace('"', " ").replace(",", " ").split()
