"""What commands print: one JSON document, or tables and sentences of at most 100 columns."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from app.http.wire import dumps

WIDTH = 100

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json` as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def owner_option(command: Command) -> Command:
    """`--owner SLUG` as the argument `owner`."""
    return click.option("--owner", metavar="SLUG", help="Act as this tenant (default: the operator).")(command)


def limit_option(command: Command) -> Command:
    """`--limit N` as the argument `limit`."""
    return click.option(
        "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most."
    )(command)


def screen(*, err: bool = False) -> Console:
    """A console that takes text as it is; where the output is no terminal, 100 columns wide."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def print_json(document: Any) -> None:
    """The document as the only thing on standard output."""
    click.echo(dumps(document))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, wrap: Collection[str] = (), empty: str = ""
) -> None:
    """Rows under their columns' names; the sentence `empty` when there are none.

    `wrap`: the columns that give way where a row is too long for the screen.
    """
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in wrap)
    for row in shown:
        table.add_row(*row)
    screen().print(table)


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Names with their values, one a line; what has no value is left out."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value is not None:
            table.add_row(name, cell(value))
    screen().print(table)


def print_canvas(canvas: str) -> None:
    """A canvas's text under its heading, broken between its parts."""
    print_heading("Canvas")
    click.echo(textwrap.fill(canvas, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))


def print_heading(text: str) -> None:
    """A line that says what follows."""
    click.echo()
    click.secho(text, bold=True)


def cell(value: Any) -> str:
    """A value as it stands in a table; nothing in it can steer the terminal."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
        case date():
            return value.isoformat()
        case list() | tuple():
            return ", ".join(cell(item) for item in value) or "-"
        case _:
            return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(value))


def seconds(value: Any) -> str | None:
    """A duration with two decimals."""
    return None if value is None else f"{float(value):.2f} s"


def headline(text: str | None) -> str | None:
    """The first line of a long text; the whole is in the JSON document."""
    return text.strip().splitlines()[0] if text and text.strip() else None
