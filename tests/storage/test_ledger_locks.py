"""A home opened twice in one process keeps its locks, so another process cannot delete the log that it writes to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from storage.home import Home
from storage.lake import Lake

OTHER = "import sys; from pathlib import Path; from storage.home import Home; from storage.lake import Lake\n" \
        "Lake.open(Home(Path(sys.argv[1]))).ledger.close()"  # fmt: skip


def test_a_home_opened_again_does_not_lose_the_locks_of_the_first(tmp_path: Path) -> None:
    """POSIX drops a process's locks on a file when it closes any handle of it: only SQLite may open the ledger."""
    first = Lake.open(Home(tmp_path / "home"))
    with first.ledger.read() as connection:
        connection.execute("SELECT 1 FROM event").fetchall()
    second = Lake.open(Home(tmp_path / "home"))
    subprocess.run([sys.executable, "-c", OTHER, str(tmp_path / "home")], check=True)
    assert (tmp_path / "home" / "ledger.sqlite3-wal").exists()
    with first.ledger.write() as connection:
        connection.execute("INSERT INTO landing_commit (ts, kind) VALUES ('2026-03-02', 'land')")
    for lake in (first, second, Lake.open(Home(tmp_path / "home"))):
        with lake.ledger.read() as connection:
            assert connection.execute("SELECT count(*) FROM landing_commit").fetchone()[0] == 1
