"""Which template an order gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.settings import MOST_PROVISION_SECONDS

DEPLOYMENT_TYPES = ("local", "kubernetes", "awx", "docker", "none")
SHORTEST_SECONDS, LONGEST_SECONDS = 10, MOST_PROVISION_SECONDS
"""Bounds of how long a template lets a deployment take until it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A template as far as the choice needs it. `region` None: for any region."""

    id: UUID
    name: str
    deployment_type: str
    region: str | None = None
    is_default: bool = False
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an order says about its deployment."""

    template_id: UUID | None = None
    package_code: str | None = None
    region: str | None = None
    deployment_type: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The template chosen and by which rule (1 to 5), or None with a sentence for each rule that was tried."""

    template_id: UUID | None
    rule: int | None
    tried: tuple[str, ...] = ()


def choose(wish: Wish, candidates: Sequence[Candidate], packages: Mapping[str, UUID]) -> Choice:
    """The first rule that finds an active template decides; an explicit id that is no active template ends the choice.

    Within a rule a template for exactly that region comes before one for any region, a default before others, then the
    name decides. `packages` maps package codes to template ids.
    """
    active = sorted((c for c in candidates if c.is_active), key=lambda c: (c.region is None, not c.is_default, c.name))
    if wish.template_id is not None:
        if any(c.id == wish.template_id for c in active):
            return Choice(wish.template_id, 1)
        return Choice(None, None, (f"the template {wish.template_id} does not exist or is not active",))
    tried = ["the order names no template"]
    rules = (
        _of_package(wish, active, packages),
        _of_region_and_type(wish, active),
        _default_of_region(wish, active),
        _any_default(active),
    )
    for number, (found, why_not) in enumerate(rules, start=2):
        if found is not None:
            return Choice(found.id, number)
        tried.append(why_not)
    return Choice(None, None, tuple(tried))


Verdict = tuple[Candidate | None, str]
"""What a rule found, and what to say when that is nothing."""


def _of_package(wish: Wish, active: Sequence[Candidate], packages: Mapping[str, UUID]) -> Verdict:
    if wish.package_code is None:
        return None, "the order names no package"
    template_id = packages.get(wish.package_code)
    found = _first(c for c in active if c.id == template_id)
    return found, f"no active template belongs to the package {wish.package_code}"


def _of_region_and_type(wish: Wish, active: Sequence[Candidate]) -> Verdict:
    if wish.deployment_type is None:
        return None, "the order names no deployment type"
    found = _first(c for c in active if c.deployment_type == wish.deployment_type and c.region in {None, wish.region})
    return found, f"no active template is of type {wish.deployment_type} in the region {wish.region or 'any'}"


def _default_of_region(wish: Wish, active: Sequence[Candidate]) -> Verdict:
    if wish.region is None:
        return None, "the order names no region"
    found = _first(c for c in active if c.is_default and c.region == wish.region)
    return found, f"the region {wish.region} has no active default"


def _any_default(active: Sequence[Candidate]) -> Verdict:
    # a default of another region is still a default; one for any region is the better guess
    defaults = sorted((c for c in active if c.is_default), key=lambda c: (c.region is not None, c.name))
    return _first(defaults), "there is no active default template"


def _first(candidates: Iterable[Candidate]) -> Candidate | None:
    return next(iter(candidates), None)
