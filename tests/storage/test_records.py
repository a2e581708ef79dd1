"""Bytes become records: any bytes, exact offsets, nothing lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.format import newline_ends
from storage.records import bom_bytes, cut_mark, encoding_of, to_records, to_text


def records(raw: bytes, base: int = 0, cap_bytes: int = 1 << 20) -> list[tuple[int, str, bool]]:
    text = to_text(raw, base, "utf-8")
    return to_records(text, newline_ends(text.data), cap_bytes=cap_bytes).rows()


def test_line_ends_go_and_offsets_stay() -> None:
    assert records(b"one\ntwo\r\n\nlast\r\r\n", base=100) == [
        (100, "one", False), (104, "two", False), (109, "", False), (110, "last\r", False),
    ]  # fmt: skip


def test_invalid_utf8_is_replaced_and_flagged_in_its_record_only() -> None:
    assert records(b"good \xc3\xa4\nbad \xff\xfe!\ngood\n") == [
        (0, "good ä", False), (8, "bad ��!", True), (16, "good", False),
    ]  # fmt: skip


def test_nuls_before_a_record_are_skipped_and_those_inside_stay() -> None:
    assert records(b"a\n\0\0\0b\0c\n\0\0\nd\n") == [
        (0, "a", False), (5, "b\0c", True), (11, "", True), (12, "d", False),
    ]  # fmt: skip


def test_a_long_record_keeps_its_head_and_tail_around_a_mark() -> None:
    long = b"h" * 50 + b"m" * 900 + b"t" * 50
    found = records(b"short\n" + long + b"\nend\n", cap_bytes=100)
    assert found[0] == (0, "short", False) and found[2] == (1007, "end", False)
    assert found[1] == (6, (b"h" * 50 + cut_mark(900) + b"t" * 50).decode(), True)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n\r\0\ufeff", exclude_categories=["Cs"]))))
def test_utf16_gives_the_same_records_with_offsets_of_its_own_bytes(texts: list[str]) -> None:
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        raw = mark + "".join(t + "\r\n" for t in texts).encode(encoding)
        assert encoding_of(raw) == encoding and bom_bytes(raw) == 2
        text = to_text(raw[2:], 2, encoding)
        found = to_records(text, newline_ends(text.data))
        assert found["record"].to_list() == texts
        ends = [*found["byte_offset"].to_list()[1:], len(raw)]
        for at, end, want in zip(found["byte_offset"].to_list(), ends, texts, strict=False):
            assert raw[at:end].decode(encoding) == want + "\r\n"


def test_half_a_utf16_pair_at_the_end_waits_for_the_other_half() -> None:
    raw = "a\n😀".encode("utf-16-le")
    assert to_text(raw[:-2], 0, "utf-16-le").data == b"a\n"
    assert to_text(raw[:-3], 0, "utf-16-le").data == b"a\n"


@given(st.binary(max_size=300))
def test_any_bytes_give_records_that_cover_them(raw: bytes) -> None:
    ends = newline_ends(raw)
    if not len(ends) or ends[-1] != len(raw):
        ends = np.append(ends, len(raw)) if raw else ends
    found = to_records(to_text(raw, 7, "utf-8"), ends)
    assert found.height == len(ends)
    pieces = raw.split(b"\n")[: found.height]
    for (at, record, damaged), piece in zip(found.rows(), pieces, strict=True):
        kept = piece.removesuffix(b"\r") if raw[at - 7 + len(piece) :][:1] == b"\n" or piece.endswith(b"\r") else piece
        if not damaged:
            assert record.encode() in (piece, kept) and raw[at - 7 :].startswith(record.encode())
        else:
            assert piece.lstrip(b"\0").decode("utf-8", "replace").startswith(record[:1])
