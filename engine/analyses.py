"""How often judging succeeds: each round of a model is counted by the minute (view `ml_success`)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

from engine.deployment import Deployment
from engine.pipeline import Pipeline, SettledThrough, Step
from storage.clock import Clock, rfc3339
from storage.errors import ConflictError
from storage.ledger import Ledger

log = logging.getLogger("watchroom.service")

Outcome = Literal["success", "failure", "timeout"]
_PLACE = {"success": 0, "failure": 1, "timeout": 2}


class Analyses:
    """Counts of one process, kept until they are written in one small transaction; `failures` says why, newest last."""

    def __init__(self, ledger: Ledger, environment: str, clock: Clock) -> None:
        self.ledger = ledger
        self.environment = environment
        self.clock = clock
        self.failures: list[str] = []
        self._counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(self, model: str, outcome: Outcome) -> None:
        """One round of a model came to an end, one way or another."""
        minute = rfc3339(self.clock().replace(second=0, microsecond=0))
        self._counts[model, minute][_PLACE[outcome]] += 1

    def judge(self, pipeline: Pipeline, deployed: Sequence[Deployment], settled_through: SettledThrough,
              timeout_ms: Callable[[str], float]) -> list[Step]:  # fmt: skip
        """One round of each model; one that fails stops no other. A model that another process judged is no failure."""
        done: list[Step] = []
        for deployment in deployed:
            try:
                steps = pipeline.step([deployment], settled_through)
            except ConflictError as error:
                log.info("%s", error)
                continue
            except Exception as error:
                log.exception("a round of judging %s failed", deployment.model)
                self.failures.append(f"{deployment.model}: {type(error).__name__}: {error}")
                self.count(deployment.model, "failure")
                continue
            for step in steps:
                if step.analysis_ms > 0.0:
                    slow = step.analysis_ms > timeout_ms(step.model)
                    self.count(step.model, "timeout" if slow else "success")
            done += steps
        return done

    def flush(self) -> None:
        """Write what was counted to the ledger."""
        if not self._counts:
            return
        rows = [(model, self.environment, minute, *counts) for (model, minute), counts in self._counts.items()]
        with self.ledger.write() as connection:
            connection.executemany(
                "INSERT INTO analysis_count VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model, environment, minute)"
                " DO UPDATE SET successes = successes + excluded.successes, failures = failures + excluded.failures,"
                " timeouts = timeouts + excluded.timeouts",
                rows,
            )
        self._counts.clear()
