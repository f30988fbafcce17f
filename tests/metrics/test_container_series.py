"""Series at 0 that exist as one record per container: no one who asks the registry sees a difference."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from logwatch.metrics import Registry
from logwatch.model import SECOND, Family

ACTIONS = ("die", "oom", "start")
COUNTER = Family("events_total", "counter", "Events.", ("name", "action"), max_series=1000)
GAUGE = Family("state", "gauge", "States.", ("name", "state"), max_series=1000)


class Plain(Registry):
    """The slow twin: a series of its own for each, from the beginning."""

    def begin_group(self, name: str, group: tuple[str, ...], time_ns: int) -> None:
        for action in ACTIONS:
            self.start(name, (*group, action), time_ns)

    def end_zeros(self, name: str, group: tuple[str, ...], time_ns: int) -> None:
        for labels, series in list(self.metric(name).series.items()):
            if labels[:1] == group and series.value == 0:
                self.remove(name, labels, time_ns)


def declared(registry: Registry, *, zeros: bool, lookback: bool) -> Registry:
    for family in (COUNTER, GAUGE):
        registry.declare(family, (0,), ACTIONS if zeros else ())
    if lookback:
        registry.set_lookback({"events_total": 60 * SECOND, "state": 30 * SECOND})
    return registry


STEPS = st.tuples(
    st.sampled_from(
        ["begin", "begin", "begin", "add", "add", "set", "set", "rest", "rest", "end", "commit", "forget", "restart"]
    ),
    st.sampled_from(["web", "web", "db"]),
    st.sampled_from([*ACTIONS, "pause"]),
    st.integers(0, 20),
    st.integers(-3, 0),
)


class Bench:
    """A registry, what it has committed, and which containers have series."""

    def __init__(self, make: Any, *, zeros: bool, lookback: bool) -> None:
        self.make = lambda: declared(make(), zeros=zeros, lookback=lookback)
        self.registry: Registry = self.make()
        self.journal = self.registry.journal()
        self.rows: dict[Any, Any] = {}
        self.points: dict[Any, Any] = {}
        self.begun: set[str] = set()
        self.states: dict[str, str] = {}

    def step(self, action: str, name: str, value: str, time_ns: int) -> None:
        registry = self.registry
        if action == "begin" and name not in self.begun:
            self.begun.add(name)
            registry.begin_group("events_total", (name,), time_ns)
            registry.begin_group("state", (name,), time_ns)
        elif action == "rest" and name in self.begun:  # its container was removed
            self.begun.discard(name)
            self.states.pop(name, None)
            registry.end_zeros("events_total", (name,), time_ns)
            registry.remove_group("state", (name,), time_ns)
        elif action == "end":
            self.begun.discard(name)
            self.states.pop(name, None)
            registry.remove_group("events_total", (name,), time_ns)
            registry.remove_group("state", (name,), time_ns)
        elif action == "add" and name in self.begun:
            registry.add("events_total", (name, value), 1, time_ns)
        elif action == "set" and name in self.begun:
            before, self.states[name] = self.states.get(name), value
            if before is not None:
                registry.set("state", (name, before), 0.0, time_ns)
            registry.set("state", (name, value), 1.0, time_ns)
        elif action == "restart":
            self.commit(time_ns, forget=False)
            self.registry = self.make()
            self.journal = self.registry.journal()
            self.registry.restore(list(self.rows.values()), sorted(self.points.values(), key=lambda each: each.time_ns))
        elif action in ("commit", "forget"):
            self.commit(time_ns, forget=action == "forget")

    def commit(self, time_ns: int, *, forget: bool) -> None:
        horizons = self.registry.forget(time_ns) if forget else {}
        for change in self.registry.changes():
            if change.value is None:
                self.rows.pop((change.family, change.labels), None)
            else:
                self.rows[change.family, change.labels] = change
        for point in self.registry.points():
            value = None if point.value is None or point.value != point.value else point.value
            self.points[point.family, point.labels, point.time_ns] = point._replace(value=value)
        for key in [key for key in self.points if key[0] in horizons and key[2] < horizons[key[0]]]:
            if key[2] or self.points[key].value is None:
                del self.points[key]

    def journaled(self) -> Any:
        """What changed since the last call, as it is now."""
        changed = {(name, labels): (past.times[:], str(past.values)) for name, labels, past, _ in self.journal}
        self.journal.clear()
        return changed

    def seen(self) -> Any:
        registry = self.registry
        return (
            registry.everything(),
            self.journaled(),
            {
                name: sorted((str(labels), [*times], str([*values])) for labels, times, values in registry.select(name))
                for name in ("events_total", "state")
            },
            {
                (name, value): registry.value("events_total", (name, value))
                for name in ("web", "db")
                for value in (*ACTIONS, "pause")
            },
        )


FILLED = [("begin", "web", "die", 0, 0)] * 17
"""The first one begins the container, the others do nothing."""


@settings(max_examples=150, deadline=None)
@example([*FILLED, ("add", "web", "die", 0, 0), ("commit", "web", "die", 0, 0), ("end", "web", "die", 0, 0)], True)
@example(
    [
        *FILLED,
        ("end", "web", "die", 0, 0),
        ("begin", "web", "die", 1, 0),
        ("restart", "web", "die", 0, 0),
        ("end", "web", "die", 1, 0),
    ],
    True,
)
@example(
    [
        *FILLED,
        ("end", "web", "die", 1, 0),
        ("restart", "web", "die", 1, 0),
        ("begin", "web", "die", 1, 0),
        ("end", "web", "die", 0, 0),
    ],
    True,
)
@example(
    [
        *FILLED,
        ("commit", "web", "die", 0, 0),
        ("restart", "web", "die", 1, 0),
        ("end", "web", "die", 1, 0),
        ("restart", "web", "die", 1, 0),
    ],
    True,
)
@example(
    [
        *FILLED,
        ("rest", "web", "die", 0, 0),
        ("begin", "web", "die", 1, 0),
        ("restart", "web", "die", 0, 0),
        ("rest", "web", "die", 1, 0),
    ],
    True,
)
@example(
    [
        *FILLED,
        ("rest", "web", "die", 1, 0),
        ("restart", "web", "die", 1, 0),
        ("begin", "web", "die", 1, 0),
        ("rest", "web", "die", 0, 0),
    ],
    True,
)
@example(
    [
        *FILLED,
        ("commit", "web", "die", 0, 0),
        ("restart", "web", "die", 1, 0),
        ("rest", "web", "die", 1, 0),
        ("restart", "web", "die", 1, 0),
    ],
    True,
)
@given(st.lists(STEPS, min_size=20, max_size=50), st.booleans())
def test_zeros_of_containers_are_as_series_of_their_own(steps: list[Any], lookback: bool) -> None:
    virtual, plain = Bench(Registry, zeros=True, lookback=lookback), Bench(Plain, zeros=False, lookback=lookback)
    clock = 1000
    for action, name, value, seconds, late in steps:
        clock += seconds
        for bench in (virtual, plain):
            bench.step(action, name, value, (clock + late) * SECOND)

        assert virtual.seen() == plain.seen()
    for bench in (virtual, plain):
        bench.commit(clock * SECOND, forget=False)

    assert virtual.rows == plain.rows
    assert virtual.points == plain.points


def test_a_container_at_rest_is_one_record() -> None:
    registry = declared(Registry(), zeros=True, lookback=True)
    for number in range(100):
        registry.begin_group("events_total", (f"c{number}",), SECOND)
    registry.add("events_total", ("c7", "die"), 1, 2 * SECOND)
    journal = registry.journal()
    registry.begin_group("events_total", ("late",), 3 * SECOND)

    assert len({id(past[1]) for _, *past in registry.select("events_total")}) == 102
    assert len(list(registry.select("events_total"))) == 303
    assert sorted(labels for _, labels, *_ in journal) == [("late", action) for action in ACTIONS]
