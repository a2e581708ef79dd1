"""Every command in the README and the docs runs, in order, as a reader would type it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from console.cli import command_names, run

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)


def commands(page: Path) -> list[str]:
    """The `watchroom ...` lines of a page's shell blocks, without comments."""
    lines = [line for block in FENCE.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.removeprefix("$ ").startswith("watchroom ")]


def test_the_five_minute_tour_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WATCHROOM_HOME", str(tmp_path / "home"))
    told = commands(ROOT / "README.md")
    assert len(told) >= 6
    for line in told:
        words = shlex.split(line, comments=True)
        assert run(words[1:]) in {0, 1}, (line, capfd.readouterr().err)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_commands_that_the_docs_name_exist(page: Path) -> None:
    """A page that names `watchroom WORD` in code names a command that is there."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"`watchroom ([a-z][a-z0-9-]*)", text)
    blocks = [m for block in FENCE.findall(text) for m in re.findall(r"^\$? ?watchroom ([a-z][a-z0-9-]*)", block, re.M)]
    unknown = {word for word in [*spans, *blocks] if word not in command_names()}
    assert not unknown


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
