"""What a look at one thing found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`is_fine` None: worth knowing, and no reason to fail. `advice`: what to do, as a sentence."""

    name: str
    is_fine: bool | None
    said: str
    advice: str = ""


def fine(name: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(name=name, is_fine=True, said=said)


def doubtful(name: str, said: str, advice: str) -> Finding:
    """It works, and should be otherwise."""
    return Finding(name=name, is_fine=None, said=said, advice=advice)


def wrong(name: str, said: object, advice: str) -> Finding:
    """It does not work. Of an error, the first line."""
    lines = str(said).strip().splitlines() or [type(said).__name__]
    return Finding(name=name, is_fine=False, said=lines[0], advice=advice)
