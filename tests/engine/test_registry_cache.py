"""The registry's cache: quick, never stale, and honest about its hits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.registry_cache import RegistryCache
from tests.modelops import IDRIS, Room, room


def _cache(r: Room, **ttl: float) -> RegistryCache:
    return RegistryCache(r.registry, r.lake.home.state, timedelta(**(ttl or {"days": 7})))


def _health(r: Room) -> dict[str, object]:
    return r.reader.query("SELECT * FROM cache_health").row(0, named=True)


def test_most_questions_are_answered_from_memory_and_the_counts_say_so(tmp_path: Path) -> None:
    r = room(tmp_path)
    cache = _cache(r)
    for _ in range(100):
        assert cache.deployed("production") == r.registry.deployed("production")
        r.clock.tick(seconds=1)
    cache.flush()
    cache.flush()
    health = _health(r)
    assert (health["hits"], health["misses"], health["lookups_1h"]) == (99, 1, 100)
    assert health["hit_rate"] == pytest.approx(0.99)


def test_a_change_by_anybody_is_seen_at_once(tmp_path: Path) -> None:
    r = room(tmp_path)
    cache = _cache(r)
    cache.deployed()
    r.as_user(IDRIS).update_config("census", "production", {"threshold": 0.7}, reason="x")
    assert [d.threshold for d in cache.deployed()] == [0.7]


def test_an_answer_is_kept_no_longer_than_its_time_and_a_cleared_cache_is_empty_everywhere(tmp_path: Path) -> None:
    r = room(tmp_path)
    cache, other = _cache(r, minutes=10), _cache(r, minutes=10)
    for step in ("load", "expire", "clear"):
        cache.deployed()
        if step == "expire":
            r.clock.tick(minutes=11)
        if step == "clear":
            other.clear()
    cache.deployed()
    cache.flush()
    assert _health(r)["misses"] == 3


def test_what_one_process_loaded_another_begins_with_until_something_changes(tmp_path: Path) -> None:
    r = room(tmp_path)
    assert _cache(r).warm() == 1
    for number in range(30):
        later = _cache(r)
        assert later.deployed("production") == r.registry.deployed("production")
        later.flush()
        if number == 20:
            r.registry.update_config("census", "production", {"threshold": 0.7}, reason="x")
    assert _health(r)["hits"] == 29
    (r.lake.home.state / "registry-cache.json").write_text("{not json")
    assert [d.threshold for d in _cache(r).deployed("production")] == [0.7]
    other = _cache(r, minutes=10)
    r.clock.tick(minutes=11)
    other.deployed("production")
    other.flush()
    assert _health(r)["misses"] == 2, "one for the change, one that was too old for its time to live"


def test_warming_loads_every_environment(tmp_path: Path) -> None:
    r = room(tmp_path)
    cache = _cache(r)
    assert cache.warm() == 1
    cache.deployed("production")
    cache.deployed("staging")
    cache.flush()
    assert (_health(r)["hits"], _health(r)["misses"]) == (2, 0)
