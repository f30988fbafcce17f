"""Accounts of events, joined: when two lines can be about one thing, and what they say together."""

from __future__ import annotations

from logwatch.model import SECOND, Event, Role

JOIN_NS = 10 * SECOND
"""Lines about one event are at most so far apart."""
OOM_NS = SECOND // 10
"""`docker events` lines about one OOM kill are closer than this (cgroup v1 notifies several times)."""
IDENTIFYING = ("exec_id", "execID", "container", "endpoint", "signal", "health")
"""Attributes in which two lines about one event cannot differ."""
LEADING, PRIMARY, CORROBORATING = Role.LEADING, Role.PRIMARY, Role.CORROBORATING  # a member's look-up is slow
RANK = {LEADING: 2, PRIMARY: 1, CORROBORATING: 0}


def merge(old: Event, new: Event) -> Event:
    """Join two accounts of one event: the higher role's, with what only the other one says."""
    lead, other = (new, old) if RANK[new.role] > RANK[old.role] else (old, new)
    absent = [key for key in other.attributes if key not in lead.attributes]
    if lead is old and not absent and (old.name or not new.name) and (old.id or not new.id):
        return old
    attributes = {**lead.attributes, **{key: other.attributes[key] for key in absent}}
    return lead._replace(id=lead.id or other.id, name=lead.name or other.name, attributes=attributes)


def agree(one: Event, other: Event) -> bool:
    """Whether two lines can be about one event: nothing that identifies it differs."""
    mine, yours = one.attributes, other.attributes
    if not mine or not yours:
        return True
    return all(key not in mine or key not in yours or mine[key] == yours[key] for key in IDENTIFYING)


def repeats(told: Event, event: Event, gap_ns: int) -> bool:
    """Whether `docker events` says again what it has said."""
    if told.role is not LEADING or told.rule != event.rule or not agree(told, event):
        return False
    if event.event == "container.oom":
        return gap_ns < OOM_NS
    return gap_ns == 0 and event.time_ns % SECOND != 0 and told.attributes == event.attributes


def is_start(event: Event) -> bool:
    """Whether the event begins something that may turn out to have failed."""
    return event.event.endswith(".start")


def is_death(event: Event) -> bool:
    """Whether the event is what a start that failed leaves behind, also after it is known to have failed."""
    return event.event.endswith(".die")
