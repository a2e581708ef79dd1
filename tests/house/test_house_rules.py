"""The rules of the house, counted: sizes, docstrings, clocks, imports, and words that do not belong."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("console", "engine", "storage")
SOURCES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
FILE_LINES = 400
FUNCTION_LINES = 40


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_holds_one_thought(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES, f"{lines} lines: split it"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    long = {
        f.name: f.end_lineno - f.lineno
        for f in functions(path)
        if f.end_lineno and f.end_lineno - f.lineno > FUNCTION_LINES
    }
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [] if ast.get_docstring(tree) else ["(module)"]
    public = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name[0] != "_"]
    assert not bare + [n.name for n in public if not ast.get_docstring(n)]


def test_only_the_clock_asks_what_time_it_is() -> None:
    asking = re.compile(r"datetime\.(now|utcnow|today)\(|\btime\.time\(\)|date\.today\(")
    found = [name_of(p) for p in SOURCES if p.name != "clock.py" and asking.search(p.read_text(encoding="utf-8"))]
    assert not found


def test_nothing_is_unpickled() -> None:
    unpickles = re.compile(r"^\s*(import|from) (pickle|joblib|marshal|shelve)\b", re.M)
    assert not [name_of(p) for p in SOURCES if unpickles.search(p.read_text(encoding="utf-8"))]


def test_the_import_contracts_are_kept() -> None:
    """console -> engine -> storage, and only the console knows Textual, Rich and Typer."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_no_package_registry_host_is_named() -> None:
    """A lock file or a setting with a host in it would tie the project to somebody's mirror."""
    host = re.compile(r"(index-url|extra-index|find-links|registry\s*=)")
    files = [ROOT / n for n in ("pyproject.toml", "constraints.txt", "Makefile", ".ci/run")]
    assert not [f.name for f in files if host.search(f.read_text(encoding="utf-8"))]
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")
