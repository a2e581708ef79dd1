"""What the user names becomes regular files, or one clear line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from storage.errors import InputError
from storage.inputs import expand, folders, open_regular, present


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.log", "a.log", "deep/c.log", "deep/.hidden.log", ".git/x.log", "deep/er/d.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "tree"


def names(paths: list[Path], base: Path) -> list[str]:
    return [str(p.relative_to(base)) for p in paths]


def test_a_folder_gives_its_files_sorted_without_hidden_ones(tree: Path) -> None:
    assert names(expand([tree]), tree) == ["a.log", "b.log", "deep/c.log", "deep/er/d.txt"]


def test_a_glob_gives_what_matches_and_two_stars_go_deep(tree: Path) -> None:
    assert names(expand([f"{tree}/*.log"]), tree) == ["a.log", "b.log"]
    assert names(expand([f"{tree}/**/*.log"]), tree) == ["a.log", "b.log", "deep/c.log"]


def test_relative_names_are_taken_from_the_folder_given(tree: Path) -> None:
    assert expand(["a.log", "*.log"], cwd=tree) == [tree / "a.log", tree / "b.log"]


def test_one_file_under_two_names_counts_once(tree: Path) -> None:
    (tree / "current.log").symlink_to(tree / "a.log")
    os.link(tree / "b.log", tree / "z.log")
    assert names(expand([tree / "a.log", tree]), tree) == ["a.log", "b.log", "deep/c.log", "deep/er/d.txt"]


def test_a_file_whose_name_looks_like_a_glob_is_itself(tree: Path) -> None:
    odd = tree / "app[1].log"
    odd.write_text("x")
    assert expand([odd]) == [odd]


def test_links_to_files_are_followed_and_loops_of_folders_are_not(tree: Path) -> None:
    (tree / "deep" / "up").symlink_to(tree)
    (tree / "link.log").symlink_to(tree / "deep" / "c.log")
    assert "link.log" not in names(expand([tree / "a.log"]), tree)
    assert len(expand([tree])) == 4


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.log", "no such file"), ("*.nothing", "no file matches"), ("empty", "no files in this folder")],
)
def test_a_name_with_nothing_behind_it_is_one_clear_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=said) as caught:
        expand([name], cwd=tmp_path)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_fifo_a_device_and_a_socket_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "sock"))
    for path, kind in ((tmp_path / "pipe", "a FIFO"), (Path("/dev/zero"), "a device"), (tmp_path / "sock", "a socket")):
        with pytest.raises(InputError, match=f"is {kind}"):
            expand([path])
    with pytest.raises(InputError, match="is a FIFO"):
        open_regular(tmp_path / "pipe")
    listening.close()


def test_a_fifo_in_a_folder_is_passed_over(tree: Path) -> None:
    os.mkfifo(tree / "pipe.log")
    assert "pipe.log" not in names(expand([tree]), tree)


def test_files_that_come_later_are_no_error_while_following(tmp_path: Path) -> None:
    assert present([tmp_path / "later.log", f"{tmp_path}/*.log"]) == []
    assert folders([tmp_path / "later.log"]) == {tmp_path}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_one_clear_line(tree: Path) -> None:
    (tree / "a.log").chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        expand([tree / "a.log"])
