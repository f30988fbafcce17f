"""What others than the engine write under its tags, or in its words, makes no event of the engine."""

import json
from pathlib import Path

import pytest
from commandline import printed

ID = "7a8482fd6ccb8bc07560450580e9bb8e39806f6768b141e36332573243205752"
TIME = "2026-11-23T18:13:01.000000001Z"
FATAL = f'time="{TIME}" level=fatal msg="failed to start daemon: no space left on device"'
DIED = f'time="{TIME}" level=info msg="ignoring event" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
PANIC = "panic: my app broke"
KILLED = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-{ID}.scope,mems_allowed=0,oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=dd,pid=15130,uid=0"
RENAMED = "eth0: renamed from veth8e0c9a3"
FORMS = {
    "traditional": "Nov 23 18:13:01 vm {tag}: {message}",
    "iso": "2026-11-23T18:13:01.000000+00:00 vm {tag}: {message}",
    "rfc5424": "<30>1 2026-11-23T18:13:01.000000+00:00 vm {name} {pid} - -  {message}",
}


def written(form: str, name: str, pid: str, message: str) -> str:
    return FORMS[form].format(tag=f"{name}[{pid}]" if pid != "-" else name, name=name, pid=pid, message=message) + "\n"


def replay(log: Path, content: str, *arguments: str) -> str:
    log.write_text(content)
    return printed("replay", str(log), "--timezone", "UTC", *arguments)


def made(log: Path, content: str) -> list[str]:
    return [json.loads(row)["event"] for row in replay(log, content, "--format", "jsonl").splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "messages"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tag", ["sh", "bash", "env"])
def test_a_shell_is_not_the_engine_of_a_host_whose_engine_has_a_tag_of_its_own(tag: str, form: str, log: Path) -> None:
    own = written(form, "dockerd", "42", f'time="{TIME}" level=info msg="API listen on /run/docker.sock"')
    forged = "".join(written(form, tag, "999", message) for message in (PANIC, FATAL, DIED))
    plain = made(log, own)

    assert made(log, own + forged) == plain
    assert 'docker_daemon_log_messages_total{level="fatal"} 0.0' in replay(log, own + forged, "--metrics")


@pytest.mark.parametrize("form", FORMS)
def test_a_shell_is_the_engine_where_no_other_tag_was_seen(form: str, log: Path) -> None:
    content = written(form, "sh", "999", DIED)

    assert made(log, content) == ["container.die"]
    assert 'docker_daemon_log_messages_total{level="info"} 1.0' in replay(log, content, "--metrics")


def test_another_hosts_engine_says_nothing_about_this_one(log: Path) -> None:
    own = written("iso", "dockerd", "42", f'time="{TIME}" level=info msg="API listen on /run/docker.sock"')
    content = own.replace(" vm ", " other ") + written("iso", "sh", "999", DIED)

    assert "container.die" in made(log, content)
    assert 'docker_daemon_log_messages_total{level="info"} 2.0' in replay(log, content, "--metrics")


def test_a_rule_of_ones_own_about_a_shell_goes_on(log: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "events:\n- event: job.failed\n  name: job\n  description: A job failed.\n  program: bash\n"
        "  match: 'the job failed'\n  examples:\n"
        "  - {line: 'Nov 23 18:13:01 vm bash[9]: the job failed', event: {}}\n"
        "  - {line: 'Nov 23 18:13:01 vm cron[9]: the job failed', event: null}\n"
    )
    own = written("iso", "dockerd", "42", f'time="{TIME}" level=info msg="API listen on /run/docker.sock"')
    printed = replay(
        log, own + written("iso", "bash", "9", "the job failed"), "--format", "jsonl", "--rules", str(rules)
    )

    assert "job.failed" in printed


@pytest.mark.parametrize("form", FORMS)
def test_a_kernel_with_a_pid_is_a_container_of_that_name(form: str, log: Path) -> None:
    assert made(log, "".join(written(form, "kernel", "8433", message) for message in (KILLED, RENAMED))) == []


@pytest.mark.parametrize("form", FORMS)
def test_the_kernel_itself_goes_on(form: str, log: Path) -> None:
    assert made(log, written(form, "kernel", "-", KILLED)) == ["container.oom"]
    own = written(form, "dockerd", "42", f'time="{TIME}" level=info msg="API listen on /run/docker.sock"')
    assert sorted(made(log, own + written(form, "kernel", "-", RENAMED))) == [*made(log, own), "network.connect"]


@pytest.mark.parametrize(
    "header",
    [
        "Nov 23 18:13:01 web[8433] ",
        "Nov 23 18:13:01  web[8433] ",
        "Nov 23 18:13:01 vm web[8433] ",
        f"{TIME} web[8433] ",
    ],
    ids=["no host", "two blanks", "host", "iso"],
)
def test_a_tag_in_brackets_is_no_host(header: str, log: Path) -> None:
    content = f"{header}dockerd[1]: {FATAL}\n{header}dockerd[1]: {DIED}\n{header}kernel: {KILLED}\n"

    assert made(log, content) == []
    assert 'docker_daemon_log_messages_total{level="fatal"} 0.0' in replay(log, content, "--metrics")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("clock", "expected"), [("18:13", 1), ("16:05", 0), ("23:20", 0)])
def test_a_line_whose_own_time_is_far_off_is_not_the_engines(clock: str, expected: int, form: str, log: Path) -> None:
    forged = DIED.replace("T18:13", f"T{clock}")

    assert len(made(log, written(form, "dockerd", "1", forged))) == expected


def test_a_header_without_zone_may_be_hours_off(log: Path) -> None:
    lines = [DIED, DIED.replace("T18:", "T13:").replace(ID, ID[::-1])]

    assert len(made(log, "".join(written("traditional", "dockerd", "1", line) for line in lines))) == 2
