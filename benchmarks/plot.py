"""The picture of what `python -m benchmarks scale` measured: docs/images/scale.svg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PICTURE = Path("docs/images/scale.svg")
KINDS = {
    "graphs": "blocks (fork, 8 parallel, join)",
    "chains": "chain",
    "fan_outs": "fan-out and join, listed steps",
    "for_each": "fan-out, for_each",
}


def draw(found: dict[str, Any], path: Path = PICTURE) -> None:
    """Cost of a step over the size of its graph, time and processor, and the workers' memory over the steps they ran."""
    import matplotlib as mpl  # noqa: PLC0415 - a requirement of the benchmark alone

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "turnup", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    figure, (time, processor, memory) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axes, column, title in ((time, "ms", "time per step, ms"), (processor, "cpu_ms", "worker CPU per step, ms")):
        for kind, label in KINDS.items():
            if found[kind]:
                axes.plot([c["steps"] for c in found[kind]], [c[column] for c in found[kind]], marker="o", label=label)
        axes.set(xscale="log", xlabel="steps of the graph", title=title, ylim=(0, None))
    time.legend()
    memory.plot(*zip(*found["resident_mb"], strict=True))
    memory.set(xlabel="steps run", title="resident memory of two workers, MB", ylim=(0, None))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
