"""What the configuration makes of receivers of samples."""

import sys
from pathlib import Path

import pytest
from commandline import call

from logwatch import config
from logwatch.config import Config
from logwatch.errors import ConfigError
from logwatch.receivers import pusher

URL = "http://user:secret@127.0.0.1:1/api/v1/write"


def destinations(tmp_path: Path, tree: dict):
    built = pusher(Config.model_validate({"state": {"dir": tmp_path}, **tree}), lambda: 0)
    assert built is not None
    built.close()
    return [sender.destination for sender in built._senders]


def test_nothing_is_pushed_by_default(tmp_path: Path) -> None:
    assert pusher(Config.model_validate({"state": {"dir": tmp_path}}), lambda: 0) is None
    assert list(tmp_path.iterdir()) == []


def test_receivers_have_names_without_credentials_each_its_own(tmp_path: Path) -> None:
    tree = {"remote_write": [URL, {"url": URL}, {"url": URL, "name": "mimir"}], "otlp": "http://127.0.0.1:1/v1/metrics"}
    names = [each.name for each in destinations(tmp_path, tree)]

    assert names == ["http://127.0.0.1:1", "http://127.0.0.1:1#2", "mimir", "http://127.0.0.1:1#3"]


def test_the_queue_is_as_configured(tmp_path: Path) -> None:
    queue = {"max_samples_per_send": 10, "min_backoff": "2s", "sample_age_limit": "1h", "max_bytes": "1MiB"}
    (one,) = destinations(
        tmp_path, {"remote_write": {"url": URL, "queue_config": queue, "headers": {"X-Scope-OrgID": "a"}}}
    )

    assert (one.most_samples, one.min_backoff, one.max_backoff) == (10, 2.0, 30.0)
    assert (one.limit.age_ns, one.limit.max_bytes) == (3600 * 10**9, 1 << 20)
    assert one.headers == {"X-Scope-OrgID": "a"}


@pytest.mark.parametrize(
    ("module", "tree", "cure"),
    [
        ("cramjam", {"remote_write": URL}, "docker-logwatch[remote-write]"),
        ("google.protobuf", {"remote_write": URL}, "docker-logwatch[remote-write]"),
        ("opentelemetry.proto.collector.metrics.v1", {"otlp": URL}, "docker-logwatch[otlp]"),
    ],
)
def test_a_missing_extra_is_named_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, tree: dict, cure: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ConfigError) as raised:
        destinations(tmp_path, tree)
    assert cure in str(raised.value)


def test_check_names_a_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "logwatch.yml"
    path.write_text(f"remote_write: '{URL}'\notlp: '{URL}'\n")
    found = call("check", "--config.file", str(path), "--no-shipped-rules")
    monkeypatch.setitem(sys.modules, "cramjam", None)
    missing = call("check", "--config.file", str(path), "--no-shipped-rules")

    assert (found.status, found.out) == (0, "")
    assert (missing.status, missing.out.count("\n")) == (1, 1)
    assert missing.out.startswith(f"{path}: remote_write: the packages protobuf and cramjam are not installed")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("remote_write: [{url: 'ftp://x'}]\n", "1:22", "is not a URL"),
        ("remote_write: [{ur: 'http://x'}]\n", "1:17", "did you mean 'url'?"),
        ("remote_write: [{url: 'http://x', headers: {Authorization: a}}]\n", "1:44", "basic_auth or bearer_token_file"),
        ("otlp: [{url: 'http://x', headers: {'X Y': a}}]\n", "1:36", "is not the name of a header"),
        ("push: {interval: 0s}\n", "1:18", "0 is too short"),
        ("otlp: [{url: 'http://x', queue_config: {max_shards: 3}}]\n", "1:41", "unknown key 'max_shards'"),
    ],
)
def test_mistakes_are_found_where_they_are(tmp_path: Path, text: str, place: str, said: str) -> None:
    path = tmp_path / "logwatch.yml"
    path.write_text(text)
    found = [str(each) for each in config.check(path, {}, {})]

    assert any(each.startswith(f"{path}:{place}: ") and said in each for each in found), found
