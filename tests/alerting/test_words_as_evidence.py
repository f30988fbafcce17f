"""What a container printed last is evidence of its alerts, where that is wanted."""

import tracemalloc
from pathlib import Path

import pytest

from logwatch.alerting import load
from logwatch.alerting.evidence import MASKED_BYTES, MOST_WAITING, Evidence
from logwatch.alerting.options import Options
from logwatch.docker.inventory import Found
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Record, State
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles.loader import load as load_rules

WEB = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
T0 = 1_695_052_920 * SECOND  # 2023-09-18T16:02:00Z
ALERTS = """\
groups:
  - name: test
    interval: 5s
    rules:
      - {alert: Died, expr: 'increase(docker_container_events_total{action="die"}[10m]) > 0'}
      - {alert: Sick, expr: 'docker_container_health{health="unhealthy"} == 1'}
"""
LINE = f'2023-09-18T16:02:02.000000+00:00 vm dockerd[7]: time="2023-09-18T16:02:02.000000001Z" level=info msg="ignoring event" container={WEB} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
RUNNING = Found(WEB, "web", None, {}, State.RUNNING, T0, 0, None, None, seen_ns=T0, started_ns=T0)
ENDED = RUNNING._replace(
    state=State.EXITED,
    finished_ns=T0 + 2 * SECOND,
    exit_code="2",
    last_words="starting\nFATAL: password=hunter2 refused\nbye",
)
SICK = RUNNING._replace(health="unhealthy", probe_ns=T0 + SECOND, probe_output="connection refused")


def evidence(tmp_path: Path, last_words: int, *changes: Found) -> list[str]:
    """The evidence of what fires after the log's line and these files."""
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS)
    rules = load_rules([path], shipped=True)
    settings = Settings(alerting=Options(last_words=last_words))
    pipeline = Pipeline(
        rules.rules, (), settings, Registry(), None, load([path], interval_ns=SECOND), find={WEB: RUNNING}.get
    )
    pipeline.process(Chunk(LINE.encode(), "messages", 0, 0), 2_000_000_000 * SECOND)
    pipeline.process_inventory([RUNNING, *changes], T0 + 3 * SECOND, None, T0 - SECOND)
    pipeline.advance(T0 + 20 * SECOND)
    return [each.annotations.get("evidence", "") for each in pipeline.alerts.outgoing(T0 + 20 * SECOND)]


def test_the_last_lines_follow_the_log_line(tmp_path: Path) -> None:
    (found,) = evidence(tmp_path, 2, ENDED)
    first, then, *words = found.split("\n")

    assert first.startswith("2023-09-18T16:02:02.000Z messages:0 dockerd[7]: ")
    assert (then.partition("Z ")[2], words) == ("printed:", ["  | FATAL: password=*** refused", "  | bye"])


def test_nothing_is_sent_unless_it_is_wanted(tmp_path: Path) -> None:
    (found,) = evidence(tmp_path, 0, ENDED)

    assert "bye" not in found
    assert "FATAL" not in found


@pytest.mark.parametrize("wanted", [0, 5])
def test_a_failed_probe_is_evidence(tmp_path: Path, wanted: int) -> None:
    found = evidence(tmp_path, wanted, SICK)

    assert any("  | connection refused" in each for each in found) is bool(wanted)


def test_of_lines_whose_events_are_held_only_what_may_be_shown_is_kept() -> None:
    kept = Evidence({})
    tracemalloc.start()
    for number in range(MOST_WAITING):
        message = b"%08d" % number * (64_000 // 8)
        kept.add_line("messages", number, Record(T0, T0, "vm", "dockerd", "7", message))
        del message
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 1.5 * MOST_WAITING * MASKED_BYTES
