"""The pages made from the code say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["commands.md", "configuration.md", "detectors.md"])
def test_a_generated_page_is_fresh(page: str) -> None:
    """`make docs` writes them anew."""
    made = generator().PAGES[page]().rstrip() + "\n"
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made, "stale: run `make docs`"
