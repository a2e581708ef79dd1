"""The payload model is small, plain, told apart from other files, and trained the same from the same data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.detectors.waf_behavioral import WafBehavioral
from engine.waf.model import SHIPPED, PayloadModel, read_model, shipped_model
from engine.waf.payloads import judged_pieces
from engine.waf.signals import all_signals
from engine.waf.train import train
from storage.errors import InputError
from tests.engine.waf_traffic import log, request


def pieces(*queries: str) -> pl.DataFrame:
    return pl.DataFrame({"column": ["query"] * len(queries), "piece": list(queries)})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small data folder with one licensed set and one that is for testing alone."""
    attacks = [f"id={i}' UNION SELECT {i},name FROM users--" for i in range(30)]
    honest = [f"q=chair+number+{i}+for+O'Brien" for i in range(30)]
    for name in ("gotestwaf", "blazehttp"):
        folder = tmp_path / name / "public"
        folder.mkdir(parents=True)
        labels = ["attack"] * 30 + ["benign"] * 30
        pl.DataFrame({"path": ["/"] * 60, "query": attacks + honest, "body": [""] * 60, "label": labels}).write_parquet(
            folder / "requests.parquet"
        )
    return tmp_path


def test_the_shipped_model_is_plain_small_and_says_where_it_is_from() -> None:
    assert SHIPPED.stat().st_size < 2_000_000
    with np.load(SHIPPED, allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)
    model = shipped_model()
    assert len(model.data_sha256) == 64
    assert not {"blazehttp", "modsec_learn_sqli", "csic2010_raw20", "csic2010_decoded"} & set(model.trained_on)
    assert set(model.signals) == {signal.name for signal in all_signals()}


def test_a_model_survives_being_stored(tmp_path: Path) -> None:
    model = PayloadModel({"sql-union": 2.5, "xss-noise": -0.5}, -1.0, 1.5, 0.25, "ab" * 32, {"gotestwaf": 3})
    model.save(tmp_path / "m" / "payload.npz")
    assert read_model(tmp_path / "m" / "payload.npz") == model


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not a zip", b"\x80\x04pickle"])
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "payload.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="no payload model") as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


def test_training_is_repeatable_and_keeps_to_licensed_sets(data: Path) -> None:
    one, other = train(data), train(data)
    assert one == other
    assert one.trained_on == {"gotestwaf": 60}
    p = judged_pieces(pieces("id=7' UNION SELECT 1,2 FROM x--", "q=O'Brien"), one)
    assert p.filter(pl.col("piece").str.contains("UNION"))["p"].item() > 0.5


def test_a_site_can_teach_its_own_habits(data: Path) -> None:
    """Requests that the site calls honest make what they show weigh less."""
    own = pl.DataFrame(
        {"path": ["/"] * 200, "query": [f"note=see+<b>item</b>+{i}" for i in range(200)], "attack": [False] * 200}
    )
    before, after = train(data), train(data, own=own)
    assert after.trained_on["own"] == 200
    assert after.signals["xss-any-tag"] < before.signals["xss-any-tag"]
    assert after.data_sha256 != before.data_sha256


def test_no_data_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"requests\.parquet"):
        train(tmp_path)


def test_a_detector_takes_another_model_by_its_file(data: Path, tmp_path: Path) -> None:
    train(data).save(tmp_path / "own.npz")
    events = log([request("/x", query="id=1' UNION SELECT a FROM b--")]).lazy()
    own = WafBehavioral.configured({"model": str(tmp_path / "own.npz")})
    other = own.features(events).collect()["payload_p"].item()
    assert other != WafBehavioral().features(events).collect()["payload_p"].item()
    with pytest.raises(InputError, match="no payload model"):
        WafBehavioral.configured({"model": str(tmp_path / "none.npz")}).features(events)


def test_only_attacks_teach_nothing(data: Path) -> None:
    path = data / "gotestwaf" / "public" / "requests.parquet"
    pl.read_parquet(path).filter(pl.col("label") == "attack").write_parquet(path)
    with pytest.raises(InputError, match="only one of them"):
        train(data)


@pytest.mark.parametrize("content", [b"no parquet", None])
def test_a_set_that_is_no_labelled_table_is_named(data: Path, content: bytes | None) -> None:
    path = data / "gotestwaf" / "public" / "requests.parquet"
    if content is None:
        pl.DataFrame({"path": ["/"]}).write_parquet(path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"gotestwaf/public/requests\.parquet"):
        train(data)


def test_a_model_is_written_under_the_name_given(tmp_path: Path) -> None:
    PayloadModel({"sql-union": 1.0}, 0.0).save(tmp_path / "own.model")
    assert [p.name for p in tmp_path.iterdir()] == ["own.model"]
