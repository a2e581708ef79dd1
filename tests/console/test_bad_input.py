"""Bad input: one clear line, the right exit code, nothing lost, no traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli import run

LINE = b'203.0.113.9 - - [02/Mar/2026:09:00:01 +0000] "GET / HTTP/1.1" 200 12 "-" "Mozilla/5.0"\n'


def fifo(path: Path) -> None:
    os.mkfifo(path)


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def no_log(path: Path) -> None:
    path.write_text("Dear diary,\n\nnothing happened today. Nothing at all.\nYours\n" * 3)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


UNUSABLE: dict[str, Callable[[Path], None] | None] = {
    "missing": None,
    "fifo": fifo,
    "binary": binary,
    "of no known format": no_log,
    "a socket": a_socket,
}


@pytest.mark.parametrize("command", ["analyze", "ingest"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_is_no_log_is_one_line_and_exit_2(
    kind: str, command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.log"
    make = UNUSABLE[kind]
    if make is not None:
        make(path)
    assert run([command, str(path), "--home", str(tmp_path / "home")]) == 2
    err = capfd.readouterr().err.strip()
    assert "in.log" in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_analyze_and_formats_test_know_the_configurations_names_of_json_keys(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, other, home = tmp_path / "shop.jsonl", tmp_path / "other.toml", tmp_path / "home"
    log.write_text('{"@timestamp":"2026-03-02T09:00:00Z","peer":"10.0.0.9","method":"GET","path":"/"}\n' * 3)
    other.write_text('[landing.json_keys]\nts = ["@timestamp"]\nclient_ip = ["peer"]\n')
    monkeypatch.setenv("WATCHROOM_HOME", str(home))
    for told in (["--config", str(other)], []):
        for command in (["analyze"], ["formats", "test"]):
            code = run([*command, str(log), *told])
            assert ("3 requests" in "".join(capfd.readouterr())) == bool(told), (command, told)
            assert code == 0 or not told
    home.mkdir()
    other.rename(home / "watchroom.toml")
    assert run(["formats", "test", str(log)]) == 0
    assert "jsonl: 3 records, 3 requests, 0 rejected" in capfd.readouterr().out
    assert run(["analyze", str(log), "--config", str(other)]) == 2
    assert "no such file" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--format", "no-such"], ["--model", "no-such"], ["--output", "xml"], ["--limit", "-1"]]
)
def test_an_unknown_choice_is_exit_2_and_names_the_known(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    assert run(["analyze", str(path), *arguments]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


GOOD_ENOUGH: dict[str, tuple[bytes, int, int]] = {
    "empty": (b"", 0, 0),
    "without a last newline": (LINE + LINE.rstrip(), 2, 0),
    "half a line at the end": (LINE * 3 + LINE[:40], 3, 1),
    "invalid UTF-8": (LINE.replace(b"Mozilla", b"Moz\xff\xfe"), 1, 0),
    "NUL bytes": (LINE + b"\0" * 5000 + LINE, 2, 0),
    "carriage returns": (LINE.replace(b"\n", b"\r\n") * 2, 2, 0),
    "a byte order mark": (b"\xef\xbb\xbf" + LINE * 2, 2, 0),
    "a 50 MB line": (LINE * 2 + b"A" * 50_000_000 + b"\n" + LINE, 3, 1),
}


@pytest.mark.parametrize("kind", GOOD_ENOUGH)
def test_what_can_be_read_is_read_and_the_rest_is_kept(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content, rows, rejects = GOOD_ENOUGH[kind]
    path = tmp_path / "a.log"
    path.write_bytes(content)
    home = ["--home", str(tmp_path / "home")]
    assert run(["ingest", str(path), "--format", "combined", *home]) == 0
    assert (
        run(["sql", "SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM rejects)", "-o", "csv", *home]) == 0
    )
    assert capfd.readouterr().out.splitlines()[-1] == f"{rows},{rejects}"


def test_a_folder_without_logs_is_exit_2(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert run(["ingest", str(tmp_path / "logs"), "--home", str(tmp_path / "home")]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a home that belongs to another")
def test_a_home_of_another_user_is_exit_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    assert run(["register-all-models", "--yes", "--home", str(home)]) == 0
    os.chown(home, 12345, 12345)
    capfd.readouterr()
    assert run(["list-models", "--home", str(home)]) == 3
    assert "another user" in capfd.readouterr().err


def test_a_home_that_is_a_file_is_exit_3(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    log = tmp_path / "a.log"
    log.write_bytes(LINE)
    assert run(["ingest", str(log), "--home", str(tmp_path / "home")]) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_exit_3_and_loses_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], check=False).returncode:
        pytest.skip("this sandbox does not let root mount")
    try:
        log = tmp_path / "a.log"
        log.write_bytes(
            b"".join(LINE.replace(b"GET /", b"GET /%d%s" % (i, os.urandom(60).hex().encode())) for i in range(20_000))
        )
        assert run(["ingest", str(log), "--home", str(disk / "home")]) == 3
        assert "Traceback" not in capfd.readouterr().err
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert run(["ingest", str(log), "--home", str(disk / "home")]) == 0
        assert (
            run(
                [
                    "sql",
                    "SELECT count(*), count(DISTINCT byte_offset) FROM requests",
                    "-o",
                    "csv",
                    "--home",
                    str(disk / "home"),
                ]
            )
            == 0
        )
        assert capfd.readouterr().out.splitlines()[-1] == "20000,20000"
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_run_lands_what_was_written_and_ends_when_told(number: int, code: int, tmp_path: Path) -> None:
    """A daemon that is stopped has landed every whole line that was there."""
    log = tmp_path / "access.log"
    log.write_bytes(LINE * 10)
    home = str(tmp_path / "home")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "console", "run", str(log), "--home", home, "--quiet"], stderr=subprocess.PIPE, text=True
    )
    try:
        landed = wait_for_rows(home, 10)
        with log.open("ab") as sink:
            sink.write(LINE * 5)
        daemon.send_signal(number)
        _, err = daemon.communicate(timeout=30)
    finally:
        daemon.kill()
    assert daemon.returncode == code, err
    assert "Traceback" not in err
    assert landed
    assert wait_for_rows(home, 15)


def wait_for_rows(home: str, rows: int) -> bool:
    from engine.room import Room
    from storage.errors import UnavailableError

    for _ in range(300):
        try:
            if Room.open(Path(home)).lake.scan("requests").collect().height >= rows:
                return True
        except UnavailableError:
            pass
        time.sleep(0.1)
    return False
