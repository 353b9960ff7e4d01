"""Rooms talk to each other through the service door only (the other import rules are contracts in pyproject.toml)."""

from __future__ import annotations

import grimp

PUBLIC_DOORS = {"service", "errors"}


def test_rooms_are_entered_by_the_service_door() -> None:
    graph = grimp.build_graph("app", cache_dir=None)
    rooms = graph.find_children("app.domains")
    assert len(rooms) > 5
    trespasses = []
    for room in rooms:
        for importer in graph.find_descendants(room) | {room}:
            for target in graph.find_modules_directly_imported_by(importer):
                other = next((each for each in rooms if target.startswith(f"{each}.") and each != room), None)
                if other and target.removeprefix(f"{other}.") not in PUBLIC_DOORS:
                    trespasses.append(f"{importer} -> {target}")
    assert trespasses == []
