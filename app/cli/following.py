"""An order's progress on the screen: a live bar on a terminal, else a line at each change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli.output import cell

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Look:
    """What an order looked like at one moment."""

    status: str
    message: str | None
    percent: int

    @property
    def is_active(self) -> bool:
        return self.status == ACTIVE


def follow(looks: Iterable[Look], *, title: str, console: Console) -> Look | None:
    """Draw each look as it comes; returns the last, None when there was none."""
    return _live(looks, title, console) if console.is_terminal else _plain(looks, title, console)


def _live(looks: Iterable[Look], title: str, console: Console) -> Look | None:
    last = None
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=100, message="")
        for last in looks:
            text = f"{last.status}: {cell(last.message)}" if last.message else last.status
            progress.update(task, completed=last.percent, message=text)
    return last


def _plain(looks: Iterable[Look], title: str, console: Console) -> Look | None:
    last = None
    for look in looks:
        if look != last:
            console.print(f"{title}  {look.percent:>3} %  {look.status:<12}  {cell(look.message)}", soft_wrap=True)
        last = look
    return last
