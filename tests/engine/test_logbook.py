"""What goes wrong inside is written down whole, in a log that watchroom itself can read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.logbook import open_logbook
from storage.home import Home
from storage.read import read_events


@pytest.fixture
def own_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("watchroom")
    before = list(logger.handlers)
    logger.handlers = []
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers = before


def test_an_error_is_one_line_with_its_traceback(tmp_path: Path, own_logger: logging.Logger) -> None:
    home = Home(tmp_path / "home").create()
    open_logbook(home)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("watchroom.service").exception("a round failed")
    [batch] = list(read_events([home.log], "jsonl"))
    [row] = batch["logs"].to_dicts()
    assert (row["level"], row["logger"], row["message"]) == ("error", "watchroom.service", "a round failed")
    assert "ValueError: two" in row["context"]
    assert "Traceback" in row["context"]


def test_opening_twice_writes_once(tmp_path: Path, own_logger: logging.Logger) -> None:
    home = Home(tmp_path / "home").create()
    open_logbook(home)
    open_logbook(home)
    logging.getLogger("watchroom.x").warning("once")
    assert len(home.log.read_text(encoding="utf-8").splitlines()) == 1
