"""The lock that the environment is made from: whole, current, and free of places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]


def locked() -> dict[str, list[str]]:
    """Versions by package; more than one where they differ by Python version."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return versions


@pytest.mark.parametrize("line", WANTED)
def test_every_requirement_is_locked_at_a_version_it_allows(line: str) -> None:
    requirement = Requirement(line)
    versions = locked().get(requirement.name.lower().replace("_", "-"))
    assert versions, f"run `make lock`: requirements.lock does not know {requirement.name}"
    assert all(version in requirement.specifier for version in versions), f"run `make lock`: {line} is not {versions}"


def test_the_lock_names_no_place_that_packages_come_from() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*-(?!-hash=)", LOCK, re.MULTILINE)


def test_every_locked_package_has_its_hashes() -> None:
    assert not re.findall(r"^[a-z0-9-]+==.*[^\\]$", LOCK, re.MULTILINE)
