"""Commands that read, before there is a home or anything was judged: one clear line, never an internal error."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.exits import ExitCode
from tests.console.command_line import CommandLine

READING = """
alerts · alerts-simulate · alerts-test · alerts-test --channels · analyze-errors n1-detector
analyze-errors n1-detector --features · approvals · audit · audit log · auto-tuning-history · auto-tuning-report
cache-warmup · check-degradation · cleanup-old-data --dry-run · config-diff · config-drift-report · daily-summary
data-sufficiency · degradation-report · deployment-status · drift · estimate · improvement-recommendations · lake files
performance-summary · performance-trends · performance-trends --points · scheduler history · scheduler-health
scheduler-status · show-thresholds · storage-health · storage-health --tables · tune --dry-run
validate-ground-truth n1-detector · verify-degradation n1-detector · verify-systems
"""
LINES = [line.strip() for line in READING.replace("\n", "·").split("·") if line.strip()]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with every model in production that has seen nothing."""
    from engine.room import Room

    path = tmp_path_factory.mktemp("fresh") / "home"
    Room.open(path, create=True)
    return path


@pytest.mark.parametrize("line", LINES)
def test_where_nothing_was_judged_it_says_so(fresh: Path, capfd: pytest.CaptureFixture[str], line: str) -> None:
    answer = CommandLine(fresh, capfd)(*line.split())
    assert answer.code in {ExitCode.OK, ExitCode.FOUND}, answer.said
    assert answer.out or answer.said


@pytest.mark.parametrize("line", LINES)
def test_without_a_home_it_says_what_makes_one(tmp_path: Path, capfd: pytest.CaptureFixture[str], line: str) -> None:
    answer = CommandLine(tmp_path / "home", capfd)(*line.split())
    assert (answer.code, answer.out) == (ExitCode.UNAVAILABLE, "")
    assert "`watchroom run LOG...` makes one" in answer.said
    assert not (tmp_path / "home").exists()
