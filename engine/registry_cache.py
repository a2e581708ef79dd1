"""What is deployed, answered from memory: asked for with every round of judging, changed once a week.

An answer is kept for the TTL, and dropped at once when a deployment was made or the cache was cleared, in whichever
process. Hits and misses are counted by the minute in the ledger (view `cache_health`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from engine.deployment import Deployment
from engine.registry import Registry
from storage.clock import rfc3339

NAME = "model_registry"
Stamp = tuple[int, int, str]


class RegistryCache:
    """Reads of a registry through a cache; `state` is a folder that all processes of the home share."""

    def __init__(self, registry: Registry, state: Path, ttl: timedelta = timedelta(days=7)) -> None:
        self.registry = registry
        self.ttl = ttl
        self._cleared = state / "registry-cache"
        self._held: dict[str | None, tuple[Stamp, datetime, list[Deployment]]] = {}
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def deployed(self, environment: str | None = None) -> list[Deployment]:
        """What `Registry.deployed` says, from memory if nothing changed."""
        now, stamp = self.registry.clock(), self._stamp()
        held = self._held.get(environment)
        hit = held is not None and held[0] == stamp and now - held[1] < self.ttl
        self._counts[rfc3339(now.replace(second=0, microsecond=0))][0 if hit else 1] += 1
        if held is not None and hit:
            return held[2]
        found = self.registry.deployed(environment)
        self._held[environment] = (stamp, now, found)
        return found

    def warm(self) -> int:
        """Load what runs in every environment; returns how many deployments are held."""
        with self.registry.ledger.read() as connection:
            names = [row["name"] for row in connection.execute("SELECT name FROM environment")]
        return sum(len(self.deployed(name)) for name in names)

    def clear(self) -> None:
        """Drop what this and every other process holds."""
        self._cleared.write_text(uuid4().hex, encoding="utf-8")
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

    def _stamp(self) -> Stamp:
        with self.registry.ledger.read() as connection:
            row = connection.execute(
                "SELECT coalesce(max(id), 0), coalesce(sum(row_version), 0) FROM deployment"
            ).fetchone()
        cleared = self._cleared.read_text(encoding="utf-8") if self._cleared.is_file() else ""
        return int(row[0]), int(row[1]), cleared
