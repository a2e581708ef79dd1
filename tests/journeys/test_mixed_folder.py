"""A folder as it is: logs, and beside them what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli import run

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data" / "recording"


def test_a_folder_is_landed_and_judged_whatever_else_lies_in_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was named itself must be a log; what lies beside one need not be, and is told without advice."""
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    (tmp_path / "other.parquet").write_bytes(b"PAR1 not really\n")
    (tmp_path / "access.log").write_bytes((SAMPLE / "access.log").read_bytes()[:2000].rpartition(b"\n")[0] + b"\n")
    for command in (["ingest", "--home", str(tmp_path.parent / "home")], ["analyze"]):
        assert run([*command, str(tmp_path)]) == 0
        told = capfd.readouterr().err
        assert f"passed over: {tmp_path / 'notes.txt'}: no known format fits its first lines\n" in told
        assert "other.parquet" in told
        assert run([*command, str(tmp_path / "notes.txt")]) == 2
        assert "--format" in capfd.readouterr().err
