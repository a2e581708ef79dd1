"""The past of what runs, as the simulation of alerts takes it."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.degradation import frozen
from engine.registry import Registry
from engine.simulation import Stream
from storage.sql import Reader


def past(reader: Reader, days: float) -> tuple[datetime, datetime] | None:
    """From when to when `days` of the past reach, back from the newest verdict; None where there is none."""
    first, last = reader.query("SELECT min(ts), max(ts) FROM predictions").row(0)
    if last is None:
        return None
    return max(first, last - timedelta(days=days)), last + timedelta(minutes=1)


def past_streams(reader: Reader, registry: Registry, days: float, environment: str = "production") -> list[Stream]:
    """A stream a deployed model: its labelled verdicts of the last `days` of event time, whichever version gave them.

    Models without a labelled verdict are left out. The baseline is the frozen one, if there is one.
    """
    found = []
    for now in registry.deployed(environment):
        items = reader.query(
            "SELECT ts, flagged, truth FROM matured_predictions WHERE model = $1 AND environment = $2"
            " AND ts > (SELECT max(ts) FROM predictions) - to_seconds(CAST($3 AS DOUBLE)) ORDER BY ts, prediction_id",
            [now.model, environment, days * 86_400.0],
        )
        if items.height:
            model = registry.model(now.model)
            with registry.ledger.read() as connection:
                baseline = frozen(connection, now, "accuracy")
            found.append(Stream(now.model, items, model.alert_accuracy, baseline, model.alert_severity))
    return found
