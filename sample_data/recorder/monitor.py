"""A database monitor: the same statements by the clock, without any trace."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from sample_data.recorder.stage import Stage

STATEMENTS = (
    "SELECT state, count(*) FROM pg_stat_activity WHERE datname = 'shop' GROUP BY state",
    "SELECT xact_commit, xact_rollback, blks_hit FROM pg_stat_database WHERE datname = 'shop'",
)


def watch_database(stage: Stage, stop_s: float, url: str) -> None:
    """Poll PostgreSQL's own statistics every 15 seconds."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        while stage.elapsed < stop_s:
            for statement in STATEMENTS:
                connection.execute(text(statement)).all()
            if not stage.wait(15):
                break
    engine.dispose()
