"""Requests: which are granted, as far as is known, and what lines prove beside events."""

from __future__ import annotations

from typing import Any

import pytest
from lifecycle_lines import DB, WEB, accepted, event, gone, kinds, play, shim, states

from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.requests import MAX_NAMES, Refusal, Requests, refusal_of, refusal_without_id
from logwatch.model import SECOND, Event, Role, State


def request(action: str, at: float = 0, container: str | None = WEB, **more: Any) -> Event:
    return event(f"container.{action}", at, container, f"{action}-request", role=Role.REQUEST, **more)


def evidence(kind: str, at: float, container: str | None = None, **attributes: str) -> Event:
    return event(f"evidence.{kind}", at, container, f"evidence-{kind}", attributes=attributes)


def refused(at: float, path: str, method: str = "POST", container: str | None = None) -> Event:
    return evidence("refused", at, container, path=path, method=method, status="409")


RUNNING = (event("container.create", -60, name="web"), event("container.start", -60, name="web"))


def after(*events: Event) -> list[str]:
    """What happens after a container called web was started."""
    return kinds(play(*RUNNING, *events))[2:]


@pytest.mark.parametrize("action", ["stop", "restart", "rename", "update", "kill", "commit", "attach"])
def test_a_request_that_nothing_refuses_is_an_event(action: str) -> None:
    assert after(request(action, 0, "web")) == [action]


@pytest.mark.parametrize(
    ("action", "path"),
    [
        ("stop", "/v1.51/containers/web/stop?t=1"),
        ("rename", "/v1.51/containers/web/rename?name=db"),
        ("update", f"/containers/{WEB}/update"),
    ],
)
def test_an_answer_of_the_engine_refuses_it(action: str, path: str) -> None:
    assert after(request(action, 0, "web"), refused(0.01, path)) == []


def test_an_answer_refuses_a_removal() -> None:
    removal = request("destroy", 0, "web", attributes={"force": "1"})

    assert after(removal, refused(0.01, "/v1.51/containers/web?force=1", "DELETE")) == []
    assert after(removal, refused(0.01, "/v1.51/containers/db?force=1", "DELETE")) == ["destroy"]


def test_an_error_of_the_engine_refuses_it_too() -> None:
    error = event("api.error", 0.01, None, attributes={"method": "POST", "path": "/v1.45/containers/web/update"})

    assert after(request("update", 0, "web"), error) == ["error"]


@pytest.mark.parametrize(
    ("before", "action", "more"),
    [
        (gone(-5), "kill", {}),
        (gone(-5), "stop", {}),
        (event("container.pause", -5), "pause", {}),
        (event("container.destroy", -5), "update", {}),
        (event("container.oom", -5), "destroy", {}),
    ],
    ids=["kill of one that ended", "stop of one that ended", "second pause", "update of a removed one", "removal while it runs"],
)  # fmt: skip
def test_the_state_refuses_it(before: Event, action: str, more: dict[str, Any]) -> None:
    assert after(before, request(action, 0, **more)) == [before.event.partition(".")[2]]


def test_a_state_that_is_about_to_change_refuses_nothing() -> None:
    assert after(gone(-30), shim(0), request("kill", 0.5, attributes={"signal": "9"})) == ["die", "start", "kill"]


def test_a_name_that_no_container_has_refuses_it() -> None:
    created = request("create", 0, None, name="db")

    assert kinds(play(created, request("stop", 5, "db"), request("stop", 6, "dba"))) == ["create", "stop"]


def test_on_a_host_whose_names_are_not_known_none_is_refused() -> None:
    assert kinds(play(request("stop", 0, "web"))) == ["stop"]


def test_a_refused_rename_renames_nothing() -> None:
    made = play(*RUNNING, request("rename", 0, name="db"), refused(0.01, f"/containers/{WEB}/rename?name=db"), gone(5))

    assert [each.name for each in accepted(made)] == ["web"] * 3


def test_a_rename_to_a_name_in_use_renames_nothing() -> None:
    other = event("container.start", -50, DB, name="db")
    made = play(*RUNNING, other, request("rename", 0, name="db"), gone(5))

    assert [(each.event, each.name) for each in accepted(made)][-1] == ("container.die", "web")
    assert "rename" not in kinds(made)


def test_a_granted_rename_renames() -> None:
    made = play(*RUNNING, request("rename", 0, name="db"), gone(5))

    assert [each.name for each in accepted(made)][-2:] == ["db", "db"]


def test_a_mount_of_a_new_container_confirms_the_newest_create_request() -> None:
    life = Lifecycle(SECOND)
    first = play(request("create", 0, None, name="one"), evidence("mount", 0.2, DB), life=life)
    second = play(
        request("create", 30, None, name="refused"), request("create", 31, None, name="two"), evidence("mount", 31.2, WEB), life=life
    )  # fmt: skip

    assert [each.name for each in accepted(first)] == ["one"]
    assert [each.name for each in accepted(second)] == ["two"]


@pytest.mark.parametrize(
    "lines",
    [
        [evidence("name", 1, WEB, container_name="web")],
        [evidence("name", 1, None, container_name="web", key="s"), evidence("name", 1.1, WEB[:12], key="s")],
        [evidence("name", 1, WEB, key="s"), evidence("name", 1.1, None, container_name="web", key="s")],
        [refused(1, "/containers/web/pause", container=WEB)._replace(attributes={"path": "/containers/web/pause", "container_name": "web"})],
    ],
    ids=["in one line", "name first", "id first", "in an answer"],
)  # fmt: skip
def test_an_id_gets_its_name_by_evidence(lines: list[Event]) -> None:
    made = play(event("container.start", 0), *lines, event("container.die", 9))

    assert accepted(made)[-1].name == "web"


def test_two_names_of_one_request_name_nobody() -> None:
    ties = [evidence("name", at, None, container_name=name, key="s") for at, name in ((1, "web"), (2, "db"))]
    made = play(event("container.start", 0), *ties, evidence("name", 3, WEB, key="s"), event("container.die", 9))

    assert [each.name for each in accepted(made)] == [None, None]


def test_a_container_of_another_namespace_is_not_dockers() -> None:
    made = play(gone(0), evidence("foreign", 0.1, WEB), event("container.start", 5), event("container.start", 6, DB))

    assert [(each.event, each.id) for each in accepted(made)] == [("container.start", DB)]


def test_what_was_started_with_rm_is_removed_when_it_ends() -> None:
    made = play(event("container.start", 0), evidence("auto_remove", 0.1, WEB), event("container.die", 9))

    assert kinds(made) == ["start", "die", "destroy"]


def test_containerd_that_starts_starts_no_container() -> None:
    lines = [event("containerd.start", 0, None), shim(1), event("containerd.ready", 2, None), gone(9), shim(20)]

    assert after(*lines) == ["start", "ready", "die", "start"]


def exit_at(at: float) -> Event:
    revoked_by = frozenset({"container.die"})
    return event("container.exec_die", at, None, "task-exit", role=Role.CORROBORATING, revoked_by=revoked_by)


def test_an_exit_while_a_command_runs_is_its_end() -> None:
    made = play(event("container.exec_start", 0), exit_at(5), exit_at(9))

    assert [(each.event, each.id) for each in accepted(made)] == [("container.exec_start", WEB), ("container.exec_die", WEB)]  # fmt: skip


def test_the_end_of_a_command_is_its_containers_also_if_that_ends_at_once() -> None:
    made = play(event("container.exec_start", 0), exit_at(5), exit_at(5.3), event("container.die", 5.4))
    (end,) = [each for each in accepted(made) if each.event == "container.exec_die"]

    assert (end.id, end.attributes) == (WEB, {})


def test_the_end_of_a_command_is_nobodys_if_commands_run_in_two_containers() -> None:
    made = play(event("container.exec_start", 0), event("container.exec_start", 1, DB), exit_at(5))

    assert [(each.event, each.id) for each in accepted(made)][-1] == ("container.exec_die", None)


def test_the_exit_of_a_container_is_no_end_of_a_command() -> None:
    made = play(
        event("container.exec_start", 0), event("container.start", 1, DB), exit_at(5), event("container.die", 5.2, DB)
    )

    assert kinds(made) == ["exec_start", "start", "die"]


def test_a_start_that_only_supporting_lines_report_waits_for_another_line() -> None:
    bundle = event("container.start", 0, WEB, "bundle", role=Role.SUPPORTING)
    task = event("container.start", 4, None, "task-start", role=Role.CORROBORATING)

    assert [(each.event, each.id) for each in accepted(play(bundle, task))] == [("container.start", WEB)]
    assert accepted(play(bundle)) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1.51/containers/web/pause", Refusal("web", "pause")),
        ("/containers/web?force=1", Refusal("web", "destroy")),
        ("/v1.41/containers/web/exec", Refusal("web", "exec_create")),
        ("/v1.51/containers/create?name=web", None),
        ("/v1.51/images/create", None),
        ("/v1.51/commit?author=&container=web&repo=", Refusal("web", "commit")),
        ("/v1.51/commit", None),
    ],
)
def test_a_path_says_what_was_asked_for(path: str, expected: Refusal | None) -> None:
    assert refusal_of(path) == expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("DELETE", "/v1.51/images/registry:5000/team/shop:1?force=1", ("image.untag", "registry:5000/team/shop:1")),
        ("POST", "/v1.51/images/shop/tag?repo=y&tag=1", ("image.tag", "shop")),
        ("POST", "/v1.51/images/team/shop/push?tag=1", ("image.push", "team/shop")),
        ("POST", "/v1.51/images/load?quiet=1", ("image.load", None)),
        ("POST", "/v1.45/images/create", ("image.import", None)),
        ("POST", "/build?t=shop", ("image.build", None)),
        ("POST", "/v1.51/volumes/create", ("volume.create", None)),
        ("POST", "/v1.51/images/create?fromImage=shop", None),
        ("DELETE", "/v1.51/volumes/create", None),
        ("DELETE", "/v1.51/networks/shop", None),
    ],
)
def test_a_path_says_which_event_without_an_id_was_asked_for(
    method: str, path: str, expected: tuple[str, str | None] | None
) -> None:
    assert refusal_without_id(method, path) == expected


def test_an_answer_refuses_what_was_asked_of_an_image() -> None:
    asked = [
        event("image.untag", at, None, "delete-request", role=Role.CORROBORATING, attributes={"image": image})
        for at, image in ((0, "shop:1"), (0.1, "shop:2"))
    ]

    made = accepted(play(*asked, refused(0.2, "/v1.51/images/shop:1", "DELETE")))

    assert [each.attributes["image"] for each in made] == ["shop:2"]


def test_a_restart_that_is_refused_stops_nothing() -> None:
    asked = [request(action, 0, "web") for action in ("restart", "stop")]

    assert after(*asked, refused(0.01, "/v1.51/containers/web/restart?t=1")) == []


NEW = (request("create", 0, None, name="one"), evidence("mount", 0.2, DB))
"""A container is created."""


@pytest.mark.parametrize("action", ["stop", "kill", "pause", "unpause"])
def test_a_container_that_was_never_started_is_not_stopped(action: str) -> None:
    asked = request(action, 5, DB)

    assert kinds(play(*NEW, asked)) == ["create"]
    assert kinds(play(*NEW, evidence("bundle", 4, DB), asked)) == ["create", action]


def test_a_restart_of_a_container_at_rest_stops_nothing() -> None:
    """Its id is known only from the start that follows."""
    asked = [request(action, 5, "one") for action in ("restart", "stop")]
    named = [evidence("bundle", 5.1, DB), evidence("name", 5.2, DB, container_name="one")]

    assert kinds(play(*NEW, *asked, *named, event("container.start", 5.3, DB))) == ["create", "start", "restart"]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [(3, ["start", "die", "start", "restart"]), (5.1, ["start", "die", "start", "restart", "stop"])],
    ids=["before", "by the restart"],
)
def test_a_restart_stops_what_runs(ended: float, expected: list[str]) -> None:
    asked = [request(action, 5, "web") for action in ("restart", "stop")]
    ends = event("container.die", ended)
    lines = sorted([*asked, ends], key=lambda each: each.time_ns)
    named = evidence("name", 5.2, WEB, container_name="web")

    assert kinds(play(event("container.start", 0), *lines, event("container.start", 5.3), named)) == expected


def test_a_request_that_names_its_container_gets_the_id_that_is_known_by_then() -> None:
    named = evidence("name", 0.2, WEB, container_name="web")
    made = accepted(play(event("container.start", -60), request("update", 0, "web"), named))

    assert [(each.id, each.name) for each in made] == [(WEB, None), (WEB, "web")]


def test_a_confirmation_proves_the_nearest_of_several_requests() -> None:
    asked = [
        event("container.pause", at, each, "pause-request", role=Role.SUPPORTING) for at, each in ((0, WEB), (1, DB))
    ]
    confirmed = event("container.pause", 1.1, None, "task-paused", role=Role.CORROBORATING)

    assert [(each.event, each.id) for each in accepted(play(*asked, confirmed))] == [("container.pause", DB)]


def test_containers_that_were_never_started_are_bounded() -> None:
    requests = Requests()
    for number in range(MAX_NAMES + 1):
        requests.add_created("vm", f"{number:064x}")

    assert sum(len(table) for table in requests.tables) == MAX_NAMES


@pytest.mark.parametrize(
    ("before", "timeout", "expected"),
    [
        ([gone(-0.4)], "0", []),
        ([gone(-5)], "10", []),
        ([gone(-12)], "10", ["stop_timeout", "kill"]),
        ([gone(-5), event("container.start", -4, rule="other")], "10", ["stop_timeout", "kill"]),
        ([gone(-5)], "1m30s", ["stop_timeout", "kill"]),
        ([gone(-5)], "9" * 30, ["stop_timeout", "kill"]),
        ([gone(0.1)], "10", ["stop_timeout", "kill"]),
    ],
    ids=["at once", "while it was waited for", "long before", "started again", "another form", "no number", "after it"],
)
def test_a_container_that_ended_meanwhile_outlives_nothing(
    before: list[Event], timeout: str, expected: list[str]
) -> None:
    timed_out = [
        event("container.stop_timeout", 0, rule="stop-timeout", attributes={"timeout": timeout}),
        event("container.kill", 0, rule="force", role=Role.CORROBORATING, attributes={"timeout": timeout}),
    ]
    lines = sorted([*before, *timed_out], key=lambda each: each.time_ns)

    assert [each for each in after(*lines) if each in ("stop_timeout", "kill")] == expected


ENDED = (*RUNNING, gone(-1), evidence("restarting", -0.9, WEB))
"""A container ended and waits for its restart."""


@pytest.mark.parametrize(
    ("action", "expected"),
    [("stop", ["stop"]), ("kill", []), ("destroy", []), ("rename", ["rename"])],
)
def test_a_container_that_waits_for_its_restart_can_be_stopped_but_not_killed(action: str, expected: list[str]) -> None:
    made = play(*ENDED, request(action, 0, name="db" if action == "rename" else None))

    assert [*["create", "start", "die"], *expected] == kinds(made)


def test_the_state_of_a_container_that_waits_is_known() -> None:
    made = play(*ENDED, request("stop", 0))

    assert states(made)[-3:] == [State.EXITED, State.RESTARTING, State.EXITED]
    assert states(play(*ENDED, event("container.start", 1)))[-1] is State.RUNNING


def test_a_wait_for_the_restart_proves_the_end_that_is_pending() -> None:
    end, waits = gone(0), evidence("restarting", 0.1, WEB)
    made = play(shim(-0.5), end, waits)

    assert kinds(made) == ["start", "die"]
    assert states(made) == [State.RUNNING, State.EXITED, State.RESTARTING]
    assert kinds(play(evidence("restarting", 0, WEB))) == []


def test_a_name_whose_create_request_was_refused_refuses_what_follows() -> None:
    """The removal is pending when the create request turns out to be refused."""
    life = Lifecycle(SECOND)
    play(request("create", -60, None, name="one"), evidence("mount", -59.8, DB), life=life)
    removal = request("destroy", 0.1, "two", attributes={"force": "1"})

    assert kinds(play(request("create", 0, None, name="two"), removal, life=life)) == []


def rename(at: float, old: str, new: str) -> Event:
    return request("rename", at, old, name=new)


def test_two_containers_that_exchange_their_names_have_each_others() -> None:
    """Requests follow each other before what may refuse them was waited for; each means the container that has the name then."""
    known = (event("container.start", -60, WEB, name="web"), event("container.start", -60, DB, name="db"))
    refused_first = [
        rename(0, "web", "db"),
        rename(0.1, "web", "tmp"),
        rename(0.2, "db", "web"),
        rename(0.3, "tmp", "db"),
    ]
    made = accepted(play(*known, *refused_first, request("update", 0.4, "web"), gone(9, WEB), gone(9, DB)))

    assert [(each.event.partition(".")[2], each.id, each.name) for each in made[2:]] == [
        ("rename", WEB, "tmp"),
        ("rename", DB, "web"),
        ("rename", WEB, "db"),
        ("update", DB, "web"),
        ("die", WEB, "db"),
        ("die", DB, "web"),
    ]


def test_a_name_that_was_given_up_by_a_rename_is_free_at_once() -> None:
    known = event("container.start", -60, WEB, name="web")
    endpoint = event("network.connect", 0.2, None, rule="sandbox", attributes={"endpoint": "web", "network": "bridge"})

    assert "container" not in accepted(play(known, rename(0, "web", "shop"), endpoint))[-1].attributes


def test_what_is_being_removed_is_not_removed_again() -> None:
    twice = [request("destroy", at, "web", attributes={"force": "1"}) for at in (0, 0.2)]
    unforced = request("destroy", 0.2, "web")

    assert sorted(after(twice[0], gone(0.1), unforced)) == ["destroy", "die"]
    assert sorted(after(request("destroy", 0, "web"), twice[1], gone(0.3))) == ["destroy", "die"]


def test_a_rename_of_what_was_never_created_frees_its_name_again() -> None:
    """`docker run --name web` of an image that is not there, and then a rename: both are refused without a line."""
    asked = request("create", 0, None, name="web", attributes={"container": "web"})
    other = request("create", -60, None, name="db", attributes={"container": "db"})
    lines = [other, evidence("mount", -59.9, DB), asked, request("rename", 0.5, "web", name="shop")]

    assert kinds(play(*lines, request("destroy", 9, "shop"))) == ["create"]


def test_a_container_that_runs_on_was_not_removed() -> None:
    """Its name is known only after the request."""
    asked = request("destroy", 0.1, "web")
    named = evidence("name", 0.4, WEB, container_name="web")

    assert kinds(play(event("container.start", 0), asked, named)) == ["start"]
    assert kinds(play(event("container.start", 0), asked, named, gone(0.6))) == ["start", "die", "destroy"]


def ask(action: str, at: float, container: str = DB) -> Event:
    attributes = {"method": "POST", "container": container}
    return event(f"container.{action}", at, container, f"{action}-request", role=Role.SUPPORTING, attributes=attributes)


def resumed(at: float) -> Event:
    return event("container.unpause", at, None, "task-resumed", role=Role.CORROBORATING)


@pytest.mark.parametrize(
    "lines",
    [
        [ask("unpause", 0), refused(0.1, f"/containers/{DB}/unpause"), resumed(0.3)],
        [resumed(0), ask("unpause", 0.3), refused(0.4, f"/containers/{DB}/unpause")],
        [resumed(0), ask("unpause", 3), refused(3.1, f"/containers/{DB}/unpause")],
    ],
    ids=["refused before", "asked while it is pending", "asked later"],
)
def test_what_a_refused_request_asked_for_happened_to_another(lines: list[Event]) -> None:
    assert [(each.event, each.id) for each in accepted(play(*lines))] == [("container.unpause", None)]


def test_containerd_that_is_restarted_at_once_starts_no_container() -> None:
    starts = [
        event("containerd.start", 0, None, attributes={"version": "2.1"}),
        event("containerd.ready", 1, None),
        event("containerd.start", 4, None, attributes={"version": "2.1"}),
    ]

    assert after(*starts, shim(4.1), event("containerd.ready", 5, None)) == ["start", "ready", "start", "ready"]
