"""Lines that once stopped the process, froze it or filled a core: each is read like any other."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import printed
from ports import wait_for
from sidecar import Sidecar

ID = "7a8482fd6ccb8bc07560450580e9bb8e39806f6768b141e36332573243205752"


def line(tag: str, message: str, second: int = 1) -> str:
    return f"2026-11-23T18:13:{second:02d}.000000+00:00 vm {tag}: {message}\n"


def engine(message: str, second: int = 1) -> str:
    return line("dockerd[42]", f'time="2026-11-23T18:13:{second:02d}.000000001Z" {message}', second)


def died(exit_code: object, second: int = 1, **form: str) -> str:
    """What `docker events` prints of a container that ended; `form` is how json.dumps writes it."""
    event = {
        "Type": "container",
        "Action": "die",
        "Actor": {"ID": ID, "Attributes": {"exitCode": exit_code, "image": "busybox", "name": "web"}},
        "scope": "local",
    }
    separators = (",", form.get("colon", ":"))
    return line("docker-events[7]", json.dumps(event, separators=separators), second)


def events(log: Path, content: str) -> list[dict[str, object]]:
    log.write_text(content)
    return [json.loads(row) for row in printed("replay", str(log), "--format", "jsonl").splitlines()]


# ── numbers ──────────────────────────────────────────────────────────────────────────

NUMBERS = ["9223372036854775808", "99999999999999999999", "-9223372036854775809", "9" * 309, "9" * 4000, "--5", "1e999"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:24])
def test_an_exit_code_that_no_process_has_is_text(number: str, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(died(number))
    metrics = printed("replay", str(log), "--metrics")

    assert 'docker_container_events_total{name="web",action="die"} 1.0' in metrics
    assert "docker_container_exit_code{" not in metrics
    assert events(log, died(number))[0]["attributes"]["exit_code"] == number  # type: ignore[index]  # rows are objects


def test_a_label_called_exit_code_neither_ends_run_nor_meets_it_again(
    tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    log = tmp_path / "messages"
    log.write_text(died("9223372036854775808"))
    first = sidecar("--log", str(log))
    wait_for(lambda: first.get("/-/ready")[0] == 200, "the line")
    assert first.end() == 0
    with log.open("a") as out:
        out.write(died("3", 30))
    second = sidecar("--log", str(log))
    wait_for(lambda: second.value("docker_container_exit_code", name="web") == 3, "the next line")

    assert second.value("docker_container_events_total", name="web", action="die") == 2


# ── lengths ──────────────────────────────────────────────────────────────────────────

SECRETIVE = {
    "token": "token" * 12_000,
    "two words": "passwordtoken" * 5_000,
    "a run around the word": "token " + "eyJhbGciOi" * 6_000,
    "words": "token " * 10_000,
}


@pytest.mark.parametrize("text", SECRETIVE.values(), ids=SECRETIVE)
def test_hiding_secrets_does_not_stall_on_an_engine_line(text: str, tmp_path: Path) -> None:
    made = events(
        tmp_path / "messages",
        engine(f'level=error msg="Handler for GET /v1.41/x returned error: {text}"') + died("3", 30),
    )

    assert [event["event"] for event in made] == ["api.error", "container.die"]


@pytest.mark.parametrize("text", SECRETIVE.values(), ids=SECRETIVE)
def test_what_a_container_prints_does_not_stall_a_commit(text: str, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    forged = f'msg="ignoring event" container=x level=error returned error: {text}'
    log.write_text(line("web[8433]", forged))

    assert printed("replay", str(log), "--state-dir", str(tmp_path / "state"), "--format", "jsonl") == ""


@pytest.mark.parametrize(
    "text", ["token" * 1_500, "token expired: " + "eyJhbGciOi" * 3_000], ids=["words", "a token of JSON"]
)
def test_what_a_container_prints_does_not_stall_run(text: str, tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "messages"
    log.write_text("")
    one = sidecar("--log", str(log))
    with log.open("a") as out:
        out.write(line("web[8433]", f'msg="ignoring event" container=x level=error returned error: {text}') * 4)
    wait_for(lambda: one.value("logwatch_lines_read_total", path=str(log)) == 4, "the lines", 30)
    with log.open("a") as out:
        out.write(died("3"))
    wait_for(lambda: one.value("docker_events_total", type="container", action="die") == 1, "the next line", 30)

    assert one.get("/-/healthy")[0] == 200


def test_a_line_of_a_megabyte_is_read_as_far_as_lines_go(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(engine('level=info msg="' + "docker a b [" * 80_000 + '"') + died("3", 30))
    metrics = printed("replay", str(log), "--metrics")

    assert 'docker_events_total{type="container",action="die"} 1.0' in metrics


# ── counts ───────────────────────────────────────────────────────────────────────────

ERROR = (
    'time="2026-11-23T18:13:01Z" level=error msg="Handler for POST /v1.41/containers/web/start returned error: boom"'
)


def processor_seconds(log: Path, content: str) -> float:
    log.write_text(content)
    before = os.times()
    printed("replay", str(log), "--format", "jsonl")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_a_container_that_prints_a_repeat_costs_no_more_than_one_that_does_not(tmp_path: Path) -> None:
    message = 'message repeated 10000 times: [ time="2026-11-23T18:13:01Z" level=info msg="ignoring event" container=x]'
    repeats = line("web[8433]", message) * 1_000
    others = repeats.replace("message repeated", "xessage repeated")
    log = tmp_path / "messages"

    assert processor_seconds(log, repeats) < 2 * processor_seconds(log, others)


def test_the_engine_is_believed_a_hundred_repeats_and_the_rest_is_counted(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(line("dockerd[42]", ERROR) + line("dockerd[42]", f"message repeated 10000 times: [ {ERROR}]", 2))
    metrics = printed("replay", str(log), "--metrics")

    assert 'docker_events_total{type="container",action="start_failed"} 101.0' in metrics or (
        'docker_events_total{type="api",action="error"} 101.0' in metrics
    )
    assert 'logwatch_upstream_dropped_lines_total{by="repeated"} 9900.0' in metrics


# ── forms ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("colon", [":", ": "], ids=["compact", "with a blank"])
def test_docker_events_are_read_however_json_is_spaced(colon: str, tmp_path: Path) -> None:
    made = events(tmp_path / "messages", died("3", colon=colon))

    assert [(event["event"], event["name"]) for event in made] == [("container.die", "web")]


# ── templates ────────────────────────────────────────────────────────────────────────

TEMPLATES = {
    "width": '{{ printf "%999999999d" 1 }}',
    "more digits than a width has": '{{ printf "%99999999999999999999d" 1 }}',
    "precision": '{{ printf "%.999999999f" $value }}',
    "replacement": '{{ reReplaceAll "" (printf "%60000s" "x") (printf "%60000s" "y") }}',
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_is_bounded_in_what_it_writes(template: str, tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yml"
    rules.write_text(
        "groups:\n- name: g\n  interval: 15s\n  rules:\n"
        "  - alert: Died\n    expr: docker_events_total{type='container',action='die'} > 0\n"
        f"    labels: {{severity: info}}\n    annotations:\n      summary: '{template}'\n"
    )
    log = tmp_path / "messages"
    log.write_text(died("3", 1) + died("3", 50))
    written = printed("replay", str(log), "--alerts", "--rules", str(rules), "--format", "jsonl")

    assert "Died" in written
    assert len(written) < 100_000
