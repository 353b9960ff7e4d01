"""Every type of event that Turnup raises: what it means, whom it is about, and the JSON Schema of its data.

The catalogue is data (`*.yaml`, one file per part of the business), published by `GET /api/v1/events/types`. A schema's
`required` is the least that an event of the type has, also one that was raised from outside; Turnup's own events carry
every property that is not optional, null where there is none, and no other (`check`).
"""

from app.core.event_types.catalogue import EventType, closest, families, find, listed
from app.core.event_types.checking import EventBreaksItsType, check, faults, mistaken

__all__ = ["EventBreaksItsType", "EventType", "check", "closest", "families", "faults", "find", "listed", "mistaken"]
