"""Lines as `docker events --format '{{json .}}'` has them, in a log of syslog's."""

import json
from datetime import datetime

FULL_IDS: dict[str, str] = {}


def full_id(name: str) -> str:
    """The id of the container of that name, always the same one."""
    return FULL_IDS.setdefault(name, f"{len(FULL_IDS) + 1:x}".zfill(4) * 16)


def docker_event(at: datetime, action: str, name: str, **attributes: str) -> str:
    """A line, without its end, about a container."""
    seconds = int(at.timestamp())
    event = {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": full_id(name), "Attributes": {"image": "nginx", "name": name, **attributes}},
        "time": seconds,
        "timeNano": seconds * 10**9,
    }
    return f"{at.isoformat()} vm docker-events: {json.dumps(event)}"
