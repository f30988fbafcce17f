"""Lines without an id: whom they join, and what they make alone."""

import pytest
from lifecycle_lines import DB, WEB, accepted, corroborating, event, kinds, leading, play, shim, states, veth
from stages import changed_rows

from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, State


@pytest.mark.parametrize("lines", [[shim(0), veth(0.2)], [veth(0), shim(0.2)]], ids=["after", "before"])
def test_a_line_without_an_id_joins_the_one_that_has_it(lines: list[Event]) -> None:
    assert [each.id for each in accepted(play(*lines))] == [WEB]


def test_lines_without_an_id_are_shared_out() -> None:
    made = play(shim(0), shim(0.1, DB), veth(0.2), veth(0.3))

    assert [each.id for each in accepted(made)] == [WEB, DB]


def test_a_line_without_an_id_gives_no_attributes_where_two_could_be_meant() -> None:
    made = play(
        event("container.oom", 0, WEB),
        event("container.oom", 0, DB),
        corroborating("container.oom", 0, None, "killed", attributes={"process": "java"}),
    )

    assert [each.attributes for each in accepted(made)] == [{}, {}]


def test_alone_it_stands_in_for_the_others() -> None:
    made = play(veth(0), veth(0.5), veth(30))

    assert [each.id for each in accepted(made)] == [None] * 3


def test_it_does_not_stand_in_where_the_object_is_named() -> None:
    made = play(leading("container.start", 0), veth(0.1), veth(60))

    assert len(accepted(made)) == 1


def test_it_stands_in_again_after_a_week_of_silence() -> None:
    made = play(leading("container.start", 0), veth(8 * 86_400))

    assert len(accepted(made)) == 2


def test_whoever_names_the_object_later_takes_the_event_over() -> None:
    made = play(veth(0), event("container.attach", 3, DB), shim(4), leading("container.start", 4.2))

    assert [(each.event[10:], each.id) for each in accepted(made)] == [("start", WEB), ("attach", DB)]
    assert State.RUNNING in states(made)


def test_other_lines_without_an_id_never_merge() -> None:
    made = play(event("api.error", 0, None), event("api.error", 0, None, "other"))

    assert len(accepted(made)) == 2


def test_a_corroborating_line_joins_one_without_an_id() -> None:
    made = play(
        event("host.oom", 0, None),
        corroborating("host.oom", 0.1, None, "killed", attributes={"process": "java"}),
    )

    (oom,) = accepted(made)
    assert oom.attributes == {"process": "java"}


def test_a_corroborating_line_may_come_before_the_one_without_an_id() -> None:
    made = play(
        corroborating("network.connect", 0, None, "assigned", attributes={"endpoint": "web"}),
        corroborating("network.connect", 0.01, None, "assigned", attributes={"endpoint": "web"}),
        event("network.connect", 0.02, None, attributes={"endpoint": "web", "container": WEB}),
    )

    assert len(accepted(made)) == 1


def test_a_creation_that_failed_is_none() -> None:
    create = event("container.create", 0, None, name="web", revoked_by=frozenset({"container.create_failed"}))

    assert kinds(play(create, event("container.create_failed", 0.1, None))) == ["create_failed"]


def test_a_line_without_an_id_looks_among_the_newest_256() -> None:
    ids = [f"{number:064x}" for number in range(300)]
    life = Lifecycle(SECOND)
    for number, each in enumerate(ids):
        life.process(shim(number / 1000, each))
    life.process(veth(0))
    (joined,) = (row for row in changed_rows(life).values() if row and '"veth"' in row)

    assert ids[300 - 256] in joined
