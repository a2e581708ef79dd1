"""A command line run as a script would run it: words in, exit code, rows and narration out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from console.cli import run
from tests.modelops import Room, labels, predictions


@dataclass(frozen=True)
class Answer:
    """What a command ended with, what it printed, and what it said beside."""

    code: int
    out: str
    said: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `--output json`; a single thing is one row."""
        assert self.out, self.said
        found = json.loads(self.out)
        return found if isinstance(found, list) else [found]


@dataclass(frozen=True)
class CommandLine:
    """Commands against one home."""

    home: Path
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Answer:
        """`watchroom WORDS --home HOME`, answered as JSON unless another form is asked for."""
        self.capfd.readouterr()
        form = () if "--output" in words else ("--output", "json")
        code = run([*words, *form, "--home", str(self.home)])
        out, said = self.capfd.readouterr()
        return Answer(code, out, said)

    def plain(self, *words: str) -> Answer:
        """The same for a command that prints no rows."""
        self.capfd.readouterr()
        code = run([*words, "--home", str(self.home)])
        out, said = self.capfd.readouterr()
        return Answer(code, out, said)


def land_rights(made: Room, right: npt.NDArray[np.bool_], first: int) -> None:
    """Verdicts of the model census that flag every item, with labels: `right` says which are right."""
    minute = first / 60
    verdicts = predictions([(minute + i / 100, 0.9) for i in range(right.size)], first=first)
    truth = labels([bool(x) for x in right], first=first, minute=minute + right.size / 100)
    made.lake.append({"predictions": verdicts, "labels": truth}, kind="judge")
