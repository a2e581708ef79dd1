"""What is deployed, answered from memory: asked for with every round of judging, changed once a week.

Each process keeps answers in its memory, and all processes of a home share a file of them, so that a short process (a
job, a command) begins warm. An answer is kept for the TTL, and dropped at once when a deployment was made or the cache
was cleared, in whichever process. Hits and misses are counted by the minute in the ledger (view `cache_health`).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from engine.deployment import Deployment
from engine.registry import Registry
from storage.clock import parse_rfc3339, rfc3339

NAME = "model_registry"
Stamp = tuple[int, int, str]


class RegistryCache:
    """Reads of a registry through a cache; `state` is a folder that all processes of the home share."""

    def __init__(self, registry: Registry, state: Path, ttl: timedelta = timedelta(days=7)) -> None:
        self.registry = registry
        self.ttl = ttl
        self._cleared = state / "registry-cache"
        self._shared = state / "registry-cache.json"
        self._held: dict[str | None, tuple[Stamp, datetime, list[Deployment]]] = {}
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def deployed(self, environment: str | None = None) -> list[Deployment]:
        """What `Registry.deployed` says, from memory or the shared file if nothing changed."""
        now, stamp = self.registry.clock(), self._stamp()
        held = self._fresh(environment, now, stamp)
        if held is None:
            self._held |= self._read_shared()
            held = self._fresh(environment, now, stamp)
        self._counts[rfc3339(now.replace(second=0, microsecond=0))][1 if held is None else 0] += 1
        if held is not None:
            return held
        found = self.registry.deployed(environment)
        self._held[environment] = (stamp, now, found)
        self._write_shared(stamp)
        return found

    def _fresh(self, environment: str | None, now: datetime, stamp: Stamp) -> list[Deployment] | None:
        held = self._held.get(environment)
        return held[2] if held is not None and held[0] == stamp and now - held[1] < self.ttl else None

    def warm(self) -> int:
        """Load what runs in every environment, for all processes; returns how many deployments are held.

        That is no look-up, so it counts as neither hit nor miss.
        """
        now, stamp = self.registry.clock(), self._stamp()
        with self.registry.ledger.read() as connection:
            names = [row["name"] for row in connection.execute("SELECT name FROM environment")]
        self._held |= {name: (stamp, now, self.registry.deployed(name)) for name in names}
        self._write_shared(stamp)
        return sum(len(self._held[name][2]) for name in names)

    def clear(self) -> None:
        """Drop what this and every other process holds."""
        self._cleared.write_text(uuid4().hex, encoding="utf-8")
        self._shared.unlink(missing_ok=True)
        self._held.clear()

    def flush(self) -> None:
        """Write the counts of hits and misses to the ledger, in one small transaction."""
        if not self._counts:
            return
        rows = [(NAME, minute, hits, misses) for minute, (hits, misses) in self._counts.items()]
        with self.registry.ledger.write() as connection:
            connection.executemany(
                "INSERT INTO cache_count VALUES (?, ?, ?, ?) ON CONFLICT (cache, minute) DO UPDATE SET"
                " hits = hits + excluded.hits, misses = misses + excluded.misses",
                rows,
            )
        self._counts.clear()

    def _read_shared(self) -> dict[str | None, tuple[Stamp, datetime, list[Deployment]]]:
        """What another process wrote down; nothing where there is none that can be read."""
        try:
            content = json.loads(self._shared.read_text(encoding="utf-8"))
            return {
                entry["environment"]: (
                    (*entry["stamp"],), parse_rfc3339(entry["ts"]), [_deployment(row) for row in entry["deployments"]],
                )
                for entry in content
            }  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write_shared(self, stamp: Stamp) -> None:
        """Write down what is held, whole and in one step. A home that cannot be written has no shared file."""
        content = [
            {"environment": environment, "stamp": stamp, "ts": rfc3339(ts), "deployments": [asdict(d) for d in found]}
            for environment, (seen, ts, found) in self._held.items()
            if seen == stamp
        ]
        part = self._shared.with_suffix(f".{os.getpid()}")
        try:
            part.write_text(json.dumps(content, default=rfc3339), encoding="utf-8")
            part.replace(self._shared)
        except OSError:
            part.unlink(missing_ok=True)

    def _stamp(self) -> Stamp:
        with self.registry.ledger.read() as connection:
            row = connection.execute(
                "SELECT coalesce(max(id), 0), coalesce(sum(row_version), 0) FROM deployment"
            ).fetchone()
        cleared = self._cleared.read_text(encoding="utf-8") if self._cleared.is_file() else ""
        return int(row[0]), int(row[1]), cleared


def _deployment(row: Mapping[str, Any]) -> Deployment:
    times = {name: parse_rfc3339(row[name]) if row[name] else None for name in ("started_ts", "ended_ts")}
    return Deployment(**{**row, **times})
