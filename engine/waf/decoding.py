"""Undo what attackers do to hide a payload: layers of URL, unicode and HTML encoding, comments, quotes, base64.

Everything is one Aho-Corasick pass a layer over whole columns (`str.replace_many`), so the cost grows with the text and
not with the number of encodings known. A byte over 0x7f that belongs to no known trick becomes `ÿ`, a letter: foreign
text must look like text.
"""

from __future__ import annotations

import functools

import polars as pl

LAYERS = 3
"""Encodings nested deeper than this do not occur in the peers' suites; each layer costs one pass."""

_NAMED = {
    "lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&", "tab": "", "newline": "", "colon": ":", "semi": ";",
    "lpar": "(", "rpar": ")", "sol": "/", "bsol": "\\", "num": "#", "grave": "`", "excl": "!", "equals": "=",
    "lbrace": "{", "rbrace": "}", "lcub": "{", "rcub": "}", "lsqb": "[", "rsqb": "]", "dollar": "$", "period": ".",
    "comma": ",", "lowbar": "_", "nbsp": " ", "vert": "|", "verbar": "|", "commat": "@", "percnt": "%",
}  # fmt: skip
_INVISIBLE = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_OVERLONG = {
    "%c0%ae": ".", "%c0%af": "/", "%c0%2f": "/", "%c0%2e": ".", "%c0%5c": "\\", "%c1%9c": "\\", "%c1%1c": "/",
    "%c0%bc": "<", "%c0%be": ">", "%c0%a7": "'", "%c0%a2": '"', "%c0%80": "\x00", "%e0%80%ae": ".", "%e0%80%af": "/",
    "%e0%80%bc": "<", "%e0%80%a7": "'", "%u2215": "/", "%u2216": "\\", "%u2024": ".", "%u3008": "<", "%u3009": ">",
    "%u02b9": "'", "%u2018": "'", "%u2019": "'", "%u201c": '"', "%e5%98%8a": "\n", "%e5%98%8d": "\r",
}  # fmt: skip


def _percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@functools.cache
def layer_table() -> tuple[list[str], list[str]]:
    """One layer of encoding as patterns and what they stand for; earlier patterns win where two start together."""
    table: dict[str, str] = dict(_OVERLONG)
    for code in range(0x21, 0x7F):  # full-width twins of the ASCII signs
        wide = chr(code + 0xFEE0)
        table |= {wide: chr(code), _percent(wide): chr(code), f"%u{code + 0xFEE0:04x}": chr(code)}
    for sign in _INVISIBLE:
        table |= {sign: "", _percent(sign): ""}
    for code in range(0x80):
        sign = chr(code)
        table |= {f"%{code:02x}": sign, f"%u{code:04x}": sign, f"&#{code};": sign, f"&#x{code:x};": sign}
        if code not in (0, 0x5C):
            table |= {f"\\u{code:04x}": sign, f"\\x{code:02x}": sign, f"\\u{{{code:x}}}": sign}
    for code in range(0x80, 0x100):
        table |= {f"%{code:02x}": "ÿ", f"\\x{code:02x}": "ÿ"}
    table |= {f"&{name};": sign for name, sign in _NAMED.items()}
    for code in range(127, 31, -1):  # browsers take entities without their semicolon
        table |= {f"&#{code}": chr(code), f"&#x{code:x}": chr(code)}
    return list(table), list(table.values())


def decoded(text: pl.Expr, *, plus_is_space: pl.Expr | bool = False) -> pl.Expr:
    """`text` with up to LAYERS layers of encoding undone, in lower case; `plus_is_space` where `+` means a space."""
    patterns, signs = layer_table()
    if not isinstance(plus_is_space, bool):
        text = pl.when(plus_is_space).then(text.str.replace_all("+", " ", literal=True)).otherwise(text)
    elif plus_is_space:
        text = text.str.replace_all("+", " ", literal=True)
    for _ in range(LAYERS):
        text = text.str.replace_all(r"&#(x?)0{1,10}", "&#$1")
        text = text.str.replace_many(patterns, signs, ascii_case_insensitive=True, leftmost=True)
    return text.str.to_lowercase()


def squeezed(plain: pl.Expr) -> pl.Expr:
    """Decoded text with SQL comments and runs of white space as one space, NUL bytes dropped: what a parser sees."""
    return (
        plain.str.replace_all("\x00", "", literal=True)
        .str.replace_all(r"/\*!?\d{0,6}|\*/", " ")
        .str.replace_all(r"[\s\u00a0]+", " ")
    )


def bare(plain: pl.Expr) -> pl.Expr:
    """Decoded text as a shell reads it: no quotes, backslashes or carets, `$IFS` a space, `${x:-y}` its default."""
    return (
        plain.str.replace_all(r"""['"\\^]|\$\(\)|``""", "")
        .str.replace_many(["+", "$u"], [" ", ""])
        .str.replace_all(r"\$\{?ifs(?:\$\d|%\?\?|[^}\w]{0,4}\})?|\$\d\b|\$@|\$\*", " ")
        .str.replace_all(r"\$\{[^}$]{0,24}?:-?([^}:]{0,8})\}|\$\{(?:lower|upper):(.)\}", "$1$2")
    )


def from_base64(text: pl.Expr) -> pl.Expr:
    """What `text` says when it is one base64 word of printable ASCII, else null (both alphabets, padded or not)."""
    word = text.str.strip_chars().str.replace_many(["-", "_"], ["+", "/"]).str.strip_chars_end("=")
    gap = (4 - word.str.len_bytes() % 4) % 4
    padded = word + pl.when(gap == 1).then(pl.lit("=")).when(gap == 2).then(pl.lit("==")).otherwise(pl.lit(""))
    fits = word.str.contains(r"^[A-Za-z0-9+/]{8,4096}$") & (gap < 3)
    data = pl.when(fits).then(padded).str.decode("base64", strict=False)
    is_text = data.bin.encode("hex").str.contains(r"^(?:09|0a|0d|[2-6][0-9a-f]|7[0-9a-e]){6,}$")
    return pl.when(is_text).then(data).cast(pl.String)  # only text reaches the cast, which refuses other bytes
