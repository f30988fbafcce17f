"""The register of containers against any order of events, also late ones: ids that lengthen, names that look like ids."""

from hypothesis import given
from hypothesis import strategies as st
from lifecycle_lines import START, event

from logwatch.lifecycle.containers import KEEP_REGISTERED_NS, KEEP_UNNAMED_NS, ContainerRegister, looks_like_id
from logwatch.model import SECOND

TEXTS = ("ab" * 6, "ab" * 21, "ab" * 32, "ab" * 10 + "cd" * 22, "web")
"""Short ids, full ids and a name; each may be given for any of them."""
STEPS = st.tuples(
    st.sampled_from(("report", "late", "name", "remove", "hour", "day")), st.sampled_from(TEXTS), st.sampled_from(TEXTS)
)


def play(register: ContainerRegister, step: tuple[str, str, str], now: int) -> int:
    """What the lifecycle does with an event of a container; returns the time after it."""
    what, given_, name = step
    if what in ("hour", "day"):
        now += KEEP_REGISTERED_NS if what == "hour" else KEEP_UNNAMED_NS
        register.expire(now)
        return now + SECOND
    text = given_ if what == "late" else register.resolve("vm", given_)
    container = register.get("vm", text)
    if container is None and what != "late" and looks_like_id(text):
        container, _ = register.add("vm", text, now, now)
    if container is None:
        register.add_unidentified(event("container.die", (now - START) / SECOND, text), now)
    elif what == "name":
        register.set_name(container, name, now, now, sure=True)
    elif what == "remove":
        register.remove(container, now, now)
    else:
        register.process(container, event("container.die", (now - START) / SECOND, text), now)
    return now + SECOND


def restored_from(register: ContainerRegister) -> ContainerRegister:
    restored = ContainerRegister()
    for table, kept in zip(restored.tables, register.tables, strict=True):
        table.restore({key: row for key, row in kept.changed_rows().items() if row is not None})
    restored.restored()
    return restored


@given(st.lists(STEPS, max_size=30))
def test_no_order_of_events_breaks_it(steps: list[tuple[str, str, str]]) -> None:
    register, now = ContainerRegister(), START
    for step in steps:
        now = play(register, step, now)
        known = register.all()

        assert len({(each.host, each.id) for each in known}) == len(known)
    restored = restored_from(register)

    assert {each.id for each in restored.all()} == {each.id for each in register.all()}


@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=30))
def test_after_a_restart_containers_are_dropped_in_the_same_order(
    steps: list[tuple[tuple[str, str, str], bool]],
) -> None:
    register, now = ContainerRegister(), START
    for step, stands_still in steps:  # several events may have one time
        after = play(register, step, now)
        now = now if stands_still and step[0] not in ("hour", "day") else after
    register.take_changes()
    restored = restored_from(register)
    dropped = []
    for each in (register, restored):
        each.expire(now + 2 * KEEP_UNNAMED_NS)
        dropped.append(each.take_changes())

    assert dropped[0] == dropped[1]
