"""The runbook, followed: every command of the page in order, on a new home with the recorded sample."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from console.cli import run
from engine import scheduler_process
from storage.home import Home

ROOT = Path(__file__).resolve().parents[2]


def filler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill_runbook", ROOT / "scripts" / "fill_runbook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def squeezed(line: str) -> str:
    return " ".join(line.split())


def test_the_runbook_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each command ends as the page says, and prints a table with the columns that the page shows."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WATCHROOM_HOME", str(tmp_path / "home"))
    steps = filler().steps((ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    assert len(steps) >= 35
    try:
        for step in steps:
            capfd.readouterr()
            code = run(shlex.split(step.line)[1:])
            out, said = capfd.readouterr()
            assert code == step.code, (step.line, said)
            assert "internal error" not in said
            head = squeezed(out.splitlines()[0]) if out else ""
            if step.printed and re.fullmatch(r"[a-z_]+( [a-z_0-9]+){3,}", head):
                assert head in {squeezed(line) for line in step.printed.splitlines()}, step.line
    finally:
        scheduler_process.stop(Home(tmp_path / "home"))


def test_every_trouble_of_the_specification_has_its_section() -> None:
    page = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (.+)$", page, re.M))
    assert headings >= {"Model not registered", "Low accuracy", "Tuning does not improve", "Degradation",
                        "Jobs do not run", "Cache misses"}  # fmt: skip
