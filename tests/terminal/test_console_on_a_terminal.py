"""The console on a real terminal: what it may write there, how it ends, and what it does without one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.pane import panes
from tests.console.homes import NOW, Hands, fill, land, open_room
from tests.terminal.hostile import EVIL, RAW, hostile_rows
from tests.terminal.pty_run import OnTerminal

LEFT = b"\x1b[?1049l"
"""Gives the terminal's own screen back."""
READY = b"newest findings"

SHOWS = {1: b"", 2: b"what happened", 5: b"no search", 7: b"SHOW TABLES", 8: b"newest runs"}
"""What tells that a pane is drawn, where that is not a log's text: 1 is open already, the others have none."""
OPENS = {1: b"\tg\r", 3: b"G\r", 4: b"g\r", 6: b"\tg\r"}
"""Keys that open the detail of a hostile row."""

Start = Callable[..., OnTerminal]


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which hostile lines landed, with a hostile reason for a deployment, too."""
    path, hands = tmp_path_factory.mktemp("hostile") / "watchroom", Hands()
    room = fill(open_room(path, hands), hands)
    land(room, hostile_rows(NOW), "land")
    room.registry.update_config("waf-behavioral", "production", {"threshold": 0.71}, reason=EVIL)
    room.ledger.close()
    return path


@pytest.fixture
def start(hostile_home: Path, tmp_path: Path) -> Iterator[Start]:
    """Opens the console over a copy of that home, on a terminal."""
    home = tmp_path / "watchroom"
    shutil.copytree(hostile_home, home)
    running: list[OnTerminal] = []

    def begin(*arguments: str, columns: int = 80, rows: int = 24, **environ: str) -> OnTerminal:
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME"}}
        env = kept | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"} | environ
        it = OnTerminal(["-m", "tests.terminal.open_home", str(home), *arguments], env, columns, rows)
        running.append(it)
        return it

    yield begin
    for it in running:
        it.close()


def written_by_the_console(output: bytes) -> str:
    """What was written, less the sequences that draw: SGR colours, cursor moves, modes, queries of a known shape."""
    text = output.decode("utf-8", "surrogateescape")
    drawing = (
        r"\x1b\[[0-9;]*m", r"\x1b\[[0-9;]*H", r"\x1b\[[?>=<][0-9;]*[hlu]", r"\x1b\[\?[0-9;]*\$p", r"\x1b\[c",
        r"\x1b\[[<>]?u", r"\x1b\]22;[a-z]*(\x1b\\|\x07)",
    )  # fmt: skip
    return re.sub("|".join(drawing), "", text)


def test_no_byte_of_a_log_reaches_the_terminal_raw_in_any_pane_or_dialog(start: Start) -> None:
    it = start(columns=200, rows=50)
    it.wait_for(READY)
    it.wait_for(b"EVIL")
    for _, kind in panes():
        seen = it.send(str(kind.number).encode())
        it.wait_for(SHOWS.get(kind.number, b"EVIL"), seen)
        if kind.number in OPENS:
            seen = it.send(OPENS[kind.number])
            it.wait_for(b"Esc closes", seen)
            it.wait_for(b"EVIL", seen)
            seen = it.send(b"y")
            it.wait_for(b"\x1b]52;c;", seen)
            seen = it.send(b"q")
            it.wait_for(b"\x1b[", seen)  # what was behind it is drawn: the next key is not the dialog's
    seen = it.send(b";")
    seen = it.send(b"SELECT *, 'EVIL' AS e FROM logs\r")
    it.wait_for("EVIL␛]52;c;".encode(), seen)
    it.send(b"\x1b")
    it.send(b"1")
    seen = it.send(b"/")
    it.wait_for(b" of ", seen)
    seen = it.send(b"EVIL\x1b[200~" + EVIL.replace("\x1b", "").encode() + b"\x1b[201~\r")
    it.wait_for(b"regular expression", seen)
    it.send(b"\x11")
    assert it.ended() == 0
    shown = written_by_the_console(it.output).replace("\r", "").replace("\n", "")
    copy = r"\x1b\]52;c;[A-Za-z0-9+/=]*\x07"
    assert len(re.findall(copy, shown)) == len(OPENS), "y copies by OSC 52, in base64; nothing else does"
    rest = re.sub(copy, "", shown)
    for raw in RAW:
        where = rest.find(raw)
        assert where < 0, f"{raw!r} reached the terminal: {rest[max(0, where - 60) : where + 60]!r}"
    assert {c for c in rest if not c.isprintable()} == set()
    for stand_in in ("␛]52;c;", "␀", "\\x9b31m", "\\u202e", "[ERROR] disk", "[/nope]", "[@click=app.end]x"):
        assert stand_in in rest, f"{stand_in} should be seen"


@pytest.mark.parametrize(
    ("end", "code"),
    [(b"q", 0), (b"\x11", 0), (b"\x03\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["q", "ctrl+q", "ctrl+c twice", "SIGTERM", "SIGHUP"],
)
def test_the_terminal_is_given_back(end: bytes | signal.Signals, code: int, start: Start) -> None:
    it = start()
    it.wait_for(READY)
    if isinstance(end, bytes):
        it.send(end)
    else:
        it.signal(end)
    assert it.ended() == code
    assert it.output.count(LEFT) == 1
    for off in (b"\x1b[?1003l", b"\x1b[?2004l", b"\x1b[?25h"):
        assert off in it.output[it.output.index(READY) :]


def test_a_crash_is_a_report_not_a_mess(start: Start, tmp_path: Path) -> None:
    it = start("boom")
    it.wait_for(READY)
    it.send(b"2")
    assert it.ended() == 70
    after = it.output[it.output.index(LEFT) :].decode()
    assert "internal error" in after
    assert "Traceback" not in after
    (report,) = (tmp_path / "watchroom" / "state").glob("crash-*.txt")
    text = report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    assert "ValueError: no such thing, 18" in text
    assert "textual" in text
    assert "hunter2-in-a-local" not in text.replace('secret = "hunter2-in-a-local"', "")
    assert "EVIL" not in text


def test_no_color_means_none(start: Start) -> None:
    it = start(NO_COLOR="1")
    it.wait_for(READY)
    it.send(b"q")
    it.ended()
    codes = re.findall(rb"\x1b\[([0-9;]*)m", it.output)
    numbers = {int(n) for code in codes for n in code.split(b";") if n}
    default = {39, 49}
    assert not {n for n in numbers if 30 <= n <= 49 or 90 <= n <= 107} - default, sorted(numbers)
    assert "▼ FIRING".encode() in it.output, "states are words first"


def test_a_terminal_without_unicode_gets_ascii(start: Start) -> None:
    it = start(LC_ALL="C", TERM="linux", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    it.wait_for(READY)
    it.wait_for(b"! FIRING")
    it.send(b"q")
    assert it.ended() == 0
    drawn = written_by_the_console(it.output)
    assert not {c for c in drawn if "⠀" <= c <= "⣿" or "▀" <= c <= "▟"}


def test_idle_it_writes_nothing_but_the_clock(start: Start) -> None:
    """The clock of this home stands still, so it writes nothing at all."""
    it = start()
    it.wait_for(b"17")
    it.wait_for(READY)
    it.rest(1.5)
    before = len(it.output)
    it.pump(2.5)
    assert len(it.output) == before


def test_over_ssh_frames_are_fewer() -> None:
    code = "import os, console.app as a; a.prepare(os.environ); import textual.constants as c; print(c.MAX_FPS)"
    env = {k: v for k, v in os.environ.items() if k != "TEXTUAL_FPS"} | {"SSH_CONNECTION": "1 2 3 4"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 15


def test_term_dumb_is_refused_with_what_to_use_instead(start: Start) -> None:
    it = start(TERM="dumb")
    assert it.ended() != 0
    assert b"watchroom performance-summary" in it.output
    assert LEFT not in it.output


def test_without_a_terminal_it_is_refused(tmp_path: Path) -> None:
    open_room(tmp_path / "home", Hands()).ledger.close()
    done = subprocess.run(
        [sys.executable, "-m", "console", "--home", str(tmp_path / "home")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "watchroom performance-summary" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
