"""Run the commands of docs/runbook.md against a new home, and put what they print beneath them.

A block of `sh` is run line by line; the block of `text` after it is written anew. `# ends with N` behind a command says
which exit code is meant, 0 where it says nothing. A test runs the same commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "runbook.md"
_BLOCKS = re.compile(r"^```sh\n(?P<sh>.*?)^```\n(?:```text\n(?P<text>.*?)^```\n)?", re.M | re.S)
_CODE = re.compile(r"#.*\bends with (\d+)")


@dataclass(frozen=True)
class Step:
    """A command of the page: its line, the exit code it must end with, and what the page says it prints."""

    line: str
    code: int
    printed: str


def steps(text: str) -> list[Step]:
    """The `watchroom` commands of a page in order; what is printed belongs to the last command of its block."""
    found = []
    for block in _BLOCKS.finditer(text):
        lines = [line for line in block["sh"].splitlines() if line.startswith("watchroom ")]
        for line in lines:
            said = _CODE.search(line)
            printed = (block["text"] or "") if line is lines[-1] else ""
            found.append(Step(line.partition(" #")[0].rstrip(), int(said[1]) if said else 0, printed))
    return found


def filled(text: str, home: Path) -> str:
    """The page with every block of output written anew. Raises RuntimeError where a command ends otherwise."""

    def fill(block: re.Match[str]) -> str:
        printed = "".join(_run(step, home) for step in steps(block[0]))
        return f"```sh\n{block['sh']}```\n```text\n{printed.rstrip()}\n```\n"

    return _BLOCKS.sub(fill, text)


def _run(step: Step, home: Path) -> str:
    environment = os.environ | {"WATCHROOM_HOME": str(home), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", step.line], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode != step.code:
        raise RuntimeError(f"{step.line} ended with {done.returncode}, not {step.code}:\n{done.stdout}")
    return "\n".join(line.rstrip() for line in done.stdout.replace(str(home), "~/watchroom").splitlines()) + "\n"


def main() -> None:
    """Write the page anew."""
    with tempfile.TemporaryDirectory() as folder:
        page = filled(PAGE.read_text(encoding="utf-8"), Path(folder) / "home")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
