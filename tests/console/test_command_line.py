"""The command line as a script meets it: light help, exit codes, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli import run, wanted
from tests.modelops import room

HEAVY = ("textual", "sklearn", "polars", "duckdb", "pyarrow", "sqlglot", "numpy")


def test_help_imports_nothing_heavy() -> None:
    """On-call engineers type --help first; it must answer at once."""
    code = (
        "import sys\nfrom console import cli\n"
        "cli.discover()\n"
        "try:\n    cli.app(['--help'], standalone_mode=False)\nexcept SystemExit:\n    pass\n"
        f"loaded = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "analyze" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "made"),
    [([], []), (["alerts", "--history"], ["alerts"]), (["--read-only", "label", "sql", "x", "true"], ["label", "sql"]),
     (["--help"], None), (["rolback"], None)],
)  # fmt: skip
def test_only_commands_that_are_named_are_made(arguments: list[str], made: list[str] | None) -> None:
    assert wanted(arguments) == made


def test_a_name_that_is_not_there_is_told_with_where_names_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = str(room(tmp_path).lake.home.path)
    for statement, says in (("SELECT * FROM request", "SHOW TABLES"), ("SELECT nope FROM requests", "DESCRIBE")):
        assert run(["sql", statement, "--home", place]) == 4
        assert says in capfd.readouterr().err


def test_an_unknown_command_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["no-such-command"]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_without_a_home_a_command_says_what_makes_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["list-models", "--home", str(tmp_path / "none")]) == 3
    err = capfd.readouterr().err
    assert "watchroom run" in err
    assert len(err.strip().splitlines()) == 1


def test_a_script_must_say_yes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is changed where nobody can be asked."""
    assert run(["register-all-models", "--home", str(tmp_path / "h")]) == 5
    assert "--yes" in capfd.readouterr().err


def test_the_models_go_from_registered_to_production_and_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "h"), "--output", "json"]
    assert run(["register-all-models", "--yes", *home]) == 0
    assert run(["deploy-to-production", "--all", "--reason", "first", "--yes", *home]) == 0
    capfd.readouterr()
    assert run(["list-production-models", *home]) == 0
    rows = json.loads(capfd.readouterr().out)
    assert {r["model"] for r in rows} == {"n1-detector", "waf-behavioral", "queue-anomaly"}
    assert all(r["reason"] == "first" for r in rows)

    assert run(["update-config", "waf-behavioral", "--set", "threshold=0.85", "--reason", "noise", "--yes", *home]) == 0
    capfd.readouterr()
    assert run(["rollback-config", "waf-behavioral", "--reason", "missed some", "--yes", *home]) == 0
    back = json.loads(capfd.readouterr().out)
    before = next(r for r in rows if r["model"] == "waf-behavioral")
    assert back["config"] == before["config"]
    assert back["kind"] == "rollback"


def test_an_unknown_setting_names_the_nearest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path / "h")]
    run(["register-all-models", "--yes", *home])
    run(["deploy-to-production", "--all", "--reason", "first", "--yes", *home])
    capfd.readouterr()
    assert run(["update-config", "n1-detector", "--set", "treshold=0.5", "--yes", *home]) == 2
    assert "threshold" in capfd.readouterr().err


@pytest.mark.parametrize("output", ["json", "jsonl", "csv", "table"])
def test_every_form_says_the_same(tmp_path: Path, capfd: pytest.CaptureFixture[str], output: str) -> None:
    home = ["--home", str(tmp_path / "h")]
    run(["register-all-models", "--yes", *home])
    capfd.readouterr()
    assert run(["list-models", "--output", output, *home]) == 0
    out = capfd.readouterr().out
    assert all(name in out for name in ("n1-detector", "waf-behavioral", "queue-anomaly", "1.0.0"))


def test_read_only_stops_commands_that_change(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHROOM_READ_ONLY", "")
    home = ["--home", str(tmp_path / "h")]
    assert run(["--read-only", "register-all-models", "--yes", *home]) == 5
    assert "read-only" in capfd.readouterr().err
    monkeypatch.setenv("WATCHROOM_READ_ONLY", "0")
    assert run(["register-all-models", "--yes", *home]) == 0


def test_an_empty_query_is_one_line_and_exit_4(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path / "h")]
    assert run(["register-all-models", "--yes", *home]) == 0
    capfd.readouterr()
    assert run(["sql", "", *home]) == 4
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
