"""What watchroom says of itself: one JSON object a line in the home, so that it can be landed like any log."""

from __future__ import annotations

import json
import logging
import logging.handlers
from datetime import UTC, datetime

from storage.clock import rfc3339
from storage.home import Home

MAX_BYTES = 10 << 20
KEPT = 5


class JsonLines(logging.Formatter):
    """A record as the `log` event of JSON lines: ts, level, logger, message, and the traceback as context."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; line breaks within are escaped by JSON."""
        said: dict[str, object] = {
            "event": "log",
            "ts": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["context"] = {"traceback": self.formatException(record.exc_info)}
        return json.dumps(said, ensure_ascii=True)


def open_logbook(home: Home) -> None:
    """Send everything that `watchroom.*` loggers say to the home's log from now on; kept to 5 files of 10 MB."""
    logger = logging.getLogger("watchroom")
    if any(isinstance(h, logging.handlers.RotatingFileHandler) for h in logger.handlers):
        return
    handler = logging.handlers.RotatingFileHandler(home.log, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
