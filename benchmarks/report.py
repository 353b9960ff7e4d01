"""The figures of var/bench.json as Markdown, in docs/performance.md between two marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import api, bars, scale

PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- figures: written by `python -m benchmarks report` -->", "<!-- end of figures -->"


def write(written: dict[str, Any], page: Path = PAGE) -> None:
    """Put the figures in the place of those that are there. Raises ValueError where a mark is missing."""
    text = page.read_text()
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        message = f"{page} has no place for figures: {BEGIN} ... {END}"
        raise ValueError(message)
    page.write_text(f"{before}{BEGIN}\n\n{figures(written)}\n{END}{after}")


def figures(written: dict[str, Any]) -> str:
    """Every part that was measured."""
    parts = []
    if "events_on" in written:
        parts += [_comparison(written), _turns(written), _counts(written["counts"])]
    if "orders" in written:
        parts.append(_api(written["orders"]))
    if "scale" in written:
        parts.append(_scale(written["scale"]))
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _comparison(written: dict[str, Any]) -> str:
    found = written["environment"]
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items() if number)
    size = written["size"]
    said = (
        f"{written['rounds']} interleaved rounds of {size['single']} workflows one at a time and {size['many']} at once, "
        f"{found['cpus']} cores ({found['machine']}), Python {found['python']}, {packages}. "
        "Ratios are ours divided by the peer's, medians of the rounds' own.\n\n"
    )
    rows: dict[tuple[str, str], dict[str, bars.Verdict]] = {}
    for verdict in bars.verdicts(written):
        rows.setdefault((verdict.part, verdict.bar.meaning), {})[verdict.column] = verdict
    columns = [column for column in bars.COLUMNS if column in written["events_on"]]

    def cells() -> Iterator[list[str]]:
        for (part, meaning), by_column in rows.items():
            line = [f"{meaning}, {bars.PARTS[part]}"]
            for column in columns:
                verdict = by_column[column]
                value = "not measured" if verdict.value is None else f"{verdict.value:.2f}"
                line += [value, verdict.bar.text(column), "yes" if verdict.holds else "**no**"]
            yield line

    head = [""]
    for column in columns:
        head += [bars.COLUMNS[column], "bar", "met"]
    return said + _table(head, cells())


def _turns(written: dict[str, Any]) -> str:
    def cells() -> Iterator[list[str]]:
        for mode, sides in written["figures"].items():
            for side, turns in sides.items():
                middle = {name: sorted(turn[name] for turn in turns)[len(turns) // 2] for name in turns[0]}
                yield [
                    f"{side}, {bars.PARTS[mode]}",
                    f"{middle['L'] * 1000:.1f} ms ({middle['L_p95'] * 1000:.1f} ms)",
                    f"{middle['T']:.1f} /s",
                    f"{middle['O']:.2f} s",
                    f"{middle['C']:.2f} s",
                    f"{middle['cpu']:.1f} ms",
                ]

    return "Medians of the turns themselves:\n\n" + _table(
        ["", "L p50 (p95)", "T", "O", "C", "worker CPU per workflow"], cells()
    )


def _counts(counts: dict[str, Any]) -> str:
    sides = {name: of for name, of in counts.items() if name != "events_on"}
    sides |= {f"{name}, events on": of for name, of in counts.get("events_on", {}).items()}

    def cells() -> Iterator[list[str]]:
        for name, of in sides.items():
            commands = ", ".join(f"{command} {number:g}" for command, number in of["redis_by_command"].items())
            yield [
                name,
                f"{of['write_tx']:.2f}",
                f"{of['wal_syncs']:.2f}",
                f"{of['redis_commands']:.1f}",
                f"{of['cpu_ms']:.1f}",
                commands,
            ]

    head = ["per workflow", "write transactions", "WAL syncs", "Redis commands", "worker CPU ms", "by command"]
    return "Counted:\n\n" + _table(head, cells())


def _api(found: dict[str, Any]) -> str:
    def cells() -> Iterator[list[str]]:
        for name, (limit, at_least) in api.BARS.items():
            met = found[name] >= limit if at_least else found[name] <= limit
            yield [name.replace("_", " "), f"{found[name]:.1f}", f"{'>=' if at_least else '<='} {limit:g}", _met(met)]
        for name, value in found["lists_p95_ms"].items():
            yield [f"list, {name}, p95 ms", f"{value:.1f}", "", ""]
        yield ["orders a second, HTTP to active", f"{found['pipeline']['orders_per_second']:.1f}", "", ""]

    said = f"The API, {found['orders_in_tables']:,} orders in the tables where lists and statistics are timed:\n\n"
    return said + _table(["", "measured", "bar", "met"], cells())


def _scale(found: dict[str, Any]) -> str:
    def held() -> Iterator[list[str]]:
        for name, (meaning, limit) in scale.BARS.items():
            if name in found["bars"]:
                value = found["bars"][name]
                yield [meaning, f"{value:.2f}", f"<= {limit:g}", _met(value <= limit)]

    def costs() -> Iterator[list[str]]:
        for kind in ("graphs", "chains", "fan_outs", "for_each"):
            for cost in found[kind]:
                yield [
                    f"`{cost['name']}`",
                    f"{cost['steps']:,}",
                    *(f"{cost[name]:.2f}" for name in ("ms", "cpu_ms")),
                    *(f"{cost[name]:.0f}" for name in ("start_ms", "resident_mb")),
                ]

    head = ["graph", "steps", "ms a step", "worker CPU ms a step", "ms to start one", "MB of both workers"]
    return (
        "Scale:\n\n"
        + _table(["", "measured", "bar", "met"], held())
        + "\n"
        + _table(head, costs())
        + "\n![Cost of a step by size, memory of the workers](images/scale.svg)\n"
    )


def _met(holds: bool) -> str:  # noqa: FBT001 - the answer itself
    return "yes" if holds else "**no**"
