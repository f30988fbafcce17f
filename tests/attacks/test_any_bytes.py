"""For any bytes the pipeline goes on: nothing raises, nothing is set aside, and everything can be committed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logwatch.matching.extractor import Extraction, Extractor
from logwatch.matching.matcher import Matcher
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Hit, Record
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load
from logwatch.store import Store

NOW = 1_795_500_000 * SECOND
ID = "7a8482fd6ccb8bc07560450580e9bb8e39806f6768b141e36332573243205752"
PIECES = [
    *("Nov 23 18:13:01 ", "2026-11-23T18:13:01.5+00:00 ", "9999-12-31T23:59:59Z ", "<30>1 2026-11-23T18:13:01Z vm dockerd 1 - - "),
    *("vm ", "dockerd[1]: ", "dockerd: ", "kernel: ", "docker-events: ", "docker ", "sh[3]: ", "containerd[2]: ", "systemd[1]: "),
    *('time="2026-11-23T18:13:01.1Z" ', 'time="9999-12-31T23:59:59Z" ', "level=error ", 'msg="ignoring event" ', f"container={ID} "),
    *("message repeated 99999 times: [ ", "last message repeated 999999999 times", "Handler for POST /v1.41/x returned error: "),
    *('{"Type":"container","Action":"die","Actor":{"ID":"', ID, '","Attributes":{"name":"web","exitCode":"', "-9223372036854775809"),
    *('"}},"time":', '"timeNano":', "9999999999999999999", "1795456381", ",", "}", "}}", "[", "{", "{" * 99, '"', "\\", "\\ud800", "#303", "#012"),
    *("0x", "ff" * 40, "veth1234567: renamed from eth0", "Out of memory: Killed process 1 (x)", "Suppressed 99999999999999999999 messages from /system.slice/docker.service"),
]  # fmt: skip
LINES = st.lists(st.sampled_from(PIECES).map(str.encode) | st.binary(max_size=12), max_size=12).map(b"".join)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patterns")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("state"), datetime.now(UTC))) as opened:
        yield opened


def pipeline(cache: Path) -> Pipeline:
    rules = load([])
    return Pipeline(rules.rules, rules.correlations, Settings(), Registry(), cache)


@pytest.fixture(scope="module")
def path(cache: Path) -> Pipeline:
    return pipeline(cache)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=st.lists(LINES, min_size=1, max_size=6))
def test_any_line_is_read_and_what_it_makes_is_committed(lines: list[bytes], path: Pipeline, store: Store) -> None:
    path.process(Chunk(b"\n".join(lines) + b"\n", "log", 0, NOW), NOW)
    path.advance(path.clock_ns + 60 * SECOND)
    store.commit(path.take_transaction(path.take_outcomes()), NOW)

    assert path.faults.take_report() is None


class Faulty(Extractor):
    """Stands in for a bug: one text raises."""

    def extract(self, record: Record, hit: Hit, path: str, offset: int, line: int | None) -> Extraction:
        if b"poison" in record.message:
            raise OverflowError("too large")
        return super().extract(record, hit, path, offset, line)


def test_a_line_that_raises_is_set_aside_with_its_place(cache: Path) -> None:
    rules = load([])
    matcher = replace(Matcher.build(rules.rules, cache_dir=cache), extractor=Faulty(rules.rules))
    one = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), matcher=matcher)
    good = (
        f'Nov 23 18:13:01 vm dockerd[1]: time="2026-11-23T18:13:01Z" level=info msg="ignoring event" container={ID}'
        ' module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
    ).encode()
    one.process(Chunk(good + good.replace(b"moby", b"poison") + good, "log", 0, NOW), NOW)
    one.finish()

    assert one.series.value("logwatch_line_errors_total", ("line",)) == 1
    assert [outcome.event.offset for outcome in one.take_outcomes()] != []
    report = one.faults.take_report()
    assert report is not None
    assert f"log at byte {len(good)}: line: 'OverflowError: too large'" in report
    assert one.faults.take_report() is None
