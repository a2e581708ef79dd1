"""`watchroom sql`: ask the lake and the ledger in SQL."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.options import HomeOption, LimitOption
from console.output import TABLE_ROWS, Output, emit, say
from storage.errors import QueryError, UnavailableError, UsageError

if TYPE_CHECKING:
    from engine.room import Room
    from storage.answer import Answer
    from storage.brake import Brake
    from storage.fence import Limits

PANEL = "Logs"


class Form(StrEnum):
    """The forms of an answer; the last two are bytes."""

    table = "table"
    markdown = "markdown"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    arrow = "arrow"
    parquet = "parquet"


def command(
    statement: Annotated[
        str | None, typer.Argument(help="One SELECT; `-` reads it from stdin. Without one, a prompt.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the statement from a file.")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the answer to a new file; its suffix tells the form.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds until the query is interrupted.")] = 60.0,
    memory: Annotated[str, typer.Option(help="Memory that the query may use.")] = "1GB",
    limit: LimitOption = None,
    output: Annotated[Form, typer.Option("--output", "-o", metavar="FORM", help=f"{', '.join(Form)}.")] = Form.table,
    home: HomeOption = None,
) -> None:
    """Ask the lake and the ledger in SQL (DuckDB), read-only and fenced: no other files, no network.

    Tables of the lake are plural (requests, queries, jobs, logs, rejects, predictions, labels), tables of the
    ledger singular (segment, source, deployment, ...); `watchroom sql "SHOW TABLES"` lists them with all views.
    Ctrl-C interrupts the query at once. On a terminal, without a statement, it is a prompt: a statement ends with `;`,
    Tab completes names, earlier statements come back with the arrow keys, Ctrl-D ends. arrow into a pipe is an IPC
    stream, into a file an IPC file.

    Example: watchroom sql "SELECT path, count(*) AS n FROM requests WHERE status >= 500 GROUP BY ALL ORDER BY n DESC"
    """
    from console.prompt import prompt
    from engine.room import Room
    from storage.fence import Limits

    form, text = _form(output, to), _statement(statement, file, to)
    room, how = Room.open(home), (Limits(timeout_s=timeout, memory=memory), limit, to)
    if text is not None:
        _answer(room, text, form, how)
    else:
        prompt(room, lambda typed: _answer(room, typed, form, how))


def _form(output: Form, to: Path | None) -> Form:
    """The form to write in. Raises UsageError for bytes on a terminal and for a file that tells no form."""
    import sys

    if to is not None and output is Form.table:
        suffix = to.suffix.removeprefix(".")
        if suffix not in {form.value for form in Form} - {"table"}:
            raise UsageError(f"{to.name!r} tells no form; end it with .parquet, .arrow, .csv, .json or .jsonl")
        return Form(suffix)
    if to is None and output in (Form.arrow, Form.parquet) and sys.stdout.isatty():
        raise UsageError(f"{output} is not for a terminal; name a file with --to, or pipe it on")
    return output


def _statement(statement: str | None, file: Path | None, to: Path | None) -> str | None:
    """The statement to ask; None: those that are typed at a prompt. Raises UsageError where neither can be."""
    import sys

    if statement is not None and file is not None:
        raise UsageError("give one statement or --file, not both")
    if statement is None and file is None:
        if not sys.stdin.isatty() or to is not None:
            raise UsageError('give one statement, or --file: watchroom sql "SELECT count(*) FROM requests"')
        return None
    try:
        if file is not None:
            return file.read_text("utf-8")
        return sys.stdin.read() if statement == "-" else statement or ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file or 'stdin'}: {error}") from None


def _answer(room: Room, text: str, form: Form, how: tuple[Limits, int | None, Path | None]) -> None:
    """Ask, and print or write the answer; Ctrl-C interrupts."""
    from console.interrupting import interruptible
    from storage.fence import answering

    limits, limit, to = how

    def work(brake: Brake) -> None:
        with answering(room.reader, text, limits, brake) as answer:
            if to is not None:
                _write_file(answer, form, to, limit)
            elif form in (Form.table, Form.markdown):
                _show(answer, Output(form.value), TABLE_ROWS if limit is None else limit)
            else:
                _write_out(answer, form, limit)

    interruptible(work)


def _show(answer: Answer, output: Output, limit: int) -> None:
    """The first rows as a table, and how many there were."""
    rows: list[dict[str, object]] = []
    total = 0
    for frame in answer:
        total += frame.height
        rows += frame.head(limit - len(rows) if limit else frame.height).to_dicts()
    if len(rows) < total:
        say(f"{len(rows)} of {total:,} rows shown; --limit 0 shows all")
    emit(rows, output, limit=0, empty="no rows")


def _write_out(answer: Answer, form: Form, limit: int | None) -> None:
    import sys

    from console import sinks

    sys.stdout.flush()
    rows, more = sinks.write(answer, sinks.Form(form.value), sys.stdout.buffer, limit)
    sys.stdout.flush()
    if more:
        say(f"{rows} rows given, there are more; --limit 0 gives all")


def _write_file(answer: Answer, form: Form, to: Path, limit: int | None) -> None:
    """Write a new file; one that is not finished is not left behind."""
    from console import sinks

    if form in (Form.table, Form.markdown):
        raise UsageError(f"a file is written as csv, json, jsonl, arrow or parquet, not as {form}")
    try:
        out = to.open("xb")
    except FileExistsError:
        raise UsageError(f"{to} is there already; choose another name") from None
    except OSError as error:
        raise UsageError(f"{to} cannot be written ({(error.strerror or str(error)).lower()})") from None
    try:
        with out:
            rows, more = sinks.write(answer, sinks.Form(form.value), out, limit)
    except BaseException as error:
        to.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, QueryError):
            raise UnavailableError(f"{to} cannot be written ({error}); make room and try again") from error
        raise
    say(f"{rows:,} rows written to {to}" + ("; there are more, --limit 0 gives all" if more else ""))
