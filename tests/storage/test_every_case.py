"""The 25 bugs of other log shippers that cost their users data: each is a case of ours."""

from __future__ import annotations

import re
from pathlib import Path


def test_each_of_the_25_cases_has_a_test_that_says_so() -> None:
    """`Case N (where it happened): what happens` opens the docstring of the tests of case N."""
    folder = Path(__file__).parent
    cases = re.compile(r'def test_[^\n]*(?:\n[^\n]*)?->[^\n]*\n    """Case ([0-9]+)(?: again)?[ :(]')
    told = {int(n) for path in folder.glob("test_*.py") for n in cases.findall(path.read_text(encoding="utf-8"))}
    assert told == set(range(1, 26))
