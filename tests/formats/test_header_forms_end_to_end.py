"""Every header form, from the bytes of a log to its events: the engine's line has its own time, the kernel's the header's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from wholelogs import Replayer

from logwatch.model import Event

DIED = "8dd3a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e"
KILLED = "5f0d7c1a9b3e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
DEATH = f'time="2025-03-09T17:40:12.314159265Z" level=info msg="ignoring event" container={DIED} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
KILL = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={KILLED},mems_allowed=0,oom_memcg=/docker/{KILLED},task_memcg=/docker/{KILLED},task=ruby,pid=907,uid=0"
WRITTEN = datetime(2025, 3, 9, 18, tzinfo=UTC)
SD = '[origin@32473 ip="192.0.2.8" note="a \\"b\\" \\]"]'


def before(header: str) -> str:
    """A log whose lines begin with the same header; {} is where the tag is."""
    return "\n".join((header.format("dockerd[640]:") + DEATH, header.format("kernel:") + KILL, ""))


def rfc5424(priority: str, rest: str) -> str:
    stamp = "2025-03-09T17:40:12.271828+00:00 cart2"
    return f"{priority}1 {stamp} dockerd 640 {rest}{DEATH}\n{priority}1 {stamp} kernel - {rest}{KILL}\n"


def journal() -> str:
    fields = {"__REALTIME_TIMESTAMP": "1741542012271828", "_HOSTNAME": "cart2"}
    lines = ({"SYSLOG_IDENTIFIER": "dockerd", "_PID": "640", "MESSAGE": DEATH}, {"SYSLOG_IDENTIFIER": "kernel", "MESSAGE": KILL})  # fmt: skip
    return "".join(json.dumps({**fields, **line}) + "\n" for line in lines)


DAY = "Mar  9 17:40:12"
FORMS: dict[str, tuple[str, str]] = {
    "traditional": (before(f"{DAY} cart2 {{}} "), "cart2"),
    "one digit after one blank": (before("Mar 9 17:40:12 cart2 {} "), "cart2"),
    "a day with a zero": (before("Mar 09 17:40:12 cart2 {} "), "cart2"),
    "ISO, microseconds": (before("2025-03-09T18:40:12.271828+01:00 cart2 {} "), "cart2"),
    "ISO, seconds": (before("2025-03-09T18:40:12+01:00 cart2 {} "), "cart2"),
    "ISO, UTC": (before("2025-03-09T17:40:12Z cart2 {} "), "cart2"),
    "priority": (before(f"<30>{DAY} cart2 {{}} "), "cart2"),
    "RFC 5424": (rfc5424("<30>", "- - "), "cart2"),
    "RFC 5424, structured data and byte order mark": (rfc5424("<30>", f"ID9 {SD} \ufeff"), "cart2"),
    "RFC 5424 without priority": (rfc5424("", "- - "), "cart2"),
    "short-precise": (before("Mar 09 17:40:12.271828 cart2 {} "), "cart2"),
    "short-iso": (before("2025-03-09T18:40:12+0100 cart2 {} "), "cart2"),
    "short-iso-precise": (before("2025-03-09T18:40:12.271828+0100 cart2 {} "), "cart2"),
    "short-full": (before("Sun 2025-03-09 17:40:12 UTC cart2 {} "), "cart2"),
    "short-unix": (before("1741542012.271828 cart2 {} "), "cart2"),
    "short-monotonic": (before("[ 3600.271828] cart2 {} "), "cart2"),
    "busybox": (before(f"{DAY} cart2 daemon.info {{}} "), "cart2"),
    "busybox without a host": (before(f"{DAY} daemon.info {{}} "), ""),
    "year first": (before("2025 Mar  9 17:40:12 cart2 {} "), "cart2"),
    "year in the middle": (before("Mar  9 2025 17:40:12 cart2 {} "), "cart2"),
    "as databases": (before("2025-03-09 17:40:12 cart2 {} "), "cart2"),
    "as databases, milliseconds": (before("2025-03-09 17:40:12,271 cart2 {} "), "cart2"),
    "twelve hours": (before("Mar  9 05:40:12 PM cart2 {} "), "cart2"),
    "tabs": (before(f"{DAY}\tcart2\t{{}}\t"), "cart2"),
    "no host": (before(f"{DAY} {{}} "), ""),
    "German": (before("Mär 09 17:40:12 cart2 {} "), "cart2"),
    "French": (before("mars 09 17:40:12 cart2 {} "), "cart2"),
    "Chinese": (before("3月 09 17:40:12 cart2 {} "), "cart2"),
    "Japanese": (before(" 3月 09 17:40:12 cart2 {} "), "cart2"),
    "Russian": (before("мар 09 17:40:12 cart2 {} "), "cart2"),
    "Czech": (before("bře 09 17:40:12 cart2 {} "), "cart2"),
    "Korean": (before(" 3월 09 17:40:12 cart2 {} "), "cart2"),
    "Spanish": (before("mar. 09 17:40:12 cart2 {} "), "cart2"),
    "journalctl -o json": (journal(), "cart2"),
    "ends of lines as on Windows": (before(f"{DAY} cart2 {{}} ").replace("\n", "\r\n"), "cart2"),
    "journalctl's colours": (before(f"{DAY} cart2 {{}} \x1b[0;1;39m").replace("\n", "\x1b[0m\n"), "cart2"),
    "grep's colours": (before(f"{DAY} cart2 {{}} ").replace("dockerd[", "\x1b[01;31m\x1b[Kdocker\x1b[m\x1b[Kd["), "cart2"),
    "UTF-16": (before(f"{DAY} cart2 {{}} "), "cart2"),
    "milliseconds": (before(f"{DAY}.271 cart2 {{}} "), "cart2"),
    "IPv6 as host": (before(f"{DAY} 2001:db8::7 {{}} "), "2001:db8::7"),
    "IPv4 as host": (before(f"{DAY} 192.0.2.7 {{}} "), "192.0.2.7"),
    "no blank after the colon": (before(f"{DAY} cart2 {{}}"), "cart2"),
    "grep's file name": (before(f"/var/log/messages.1:{DAY} cart2 {{}} "), "cart2"),
    "grep's file name and number": (before(f"messages:77:{DAY} cart2 {{}} "), "cart2"),
    "logread": (before("Sun Mar  9 17:40:12 2025 daemon.info {} "), ""),
    "syslog-ng's facility": (before(f"{DAY} cart2 daemon.info/cart2 {{}} "), "cart2"),
    "a relay": (before(f"{DAY} relay/cart2 {{}} "), "cart2"),
    "a domain": (before(f"{DAY} cart2.example.net {{}} "), "cart2.example.net"),
    "as in the United States": (before("03/09/2025 17:40:12 cart2 {} "), "cart2"),
    "an underscore in the host": (before(f"{DAY} cart_2-a {{}} "), "cart_2-a"),
    "journalctl's first line": (f"-- Logs begin at Sat 2025-03-01 00:00:00 UTC. --\n{before(f'{DAY} cart2 {{}} ')}", "cart2"),
}  # fmt: skip


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Event]]:
    replayer = Replayer(tmp_path_factory.mktemp("log"))
    return lambda log: replayer(log, WRITTEN).events


@pytest.mark.parametrize(("log", "host"), FORMS.values(), ids=FORMS)
def test_both_lines_make_their_events_at_their_times(
    log: str, host: str, replay: Callable[..., list[Event]], request: pytest.FixtureRequest
) -> None:
    encoded = log.encode("utf-16" if "[UTF-16]" in request.node.name else "utf-8")
    events = [event for event in replay(encoded) if event.event != "container.oom_killed"]

    died, killed = sorted((event.event, event.id, event.time_ns) for event in events)
    assert died == ("container.die", DIED, 1_741_542_012_314_159_265)
    assert killed[:2] == ("container.oom", KILLED)
    assert killed[2] // 10**9 == 1_741_542_012
    assert {event.host.removeprefix("relay/") for event in events} == {host}
