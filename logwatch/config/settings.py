"""The shape of the configuration; every key has a default, so that no file is needed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, TypeAdapter

from logwatch.config.mute_windows import MuteWindow
from logwatch.config.values import (
    DEFAULT_PORT,
    OR_URL,
    Address,
    Header,
    Label,
    LabelKeys,
    Paths,
    Positive,
    PositiveDuration,
    PromqlVersion,
    Texts,
    Url,
    Zone,
)
from logwatch.notation import duration_text, size_text
from logwatch.rulefiles.checks import ONE_OR_MANY, Duration, Flag, Size
from logwatch.rulefiles.schema import Strict, schema_text

# ── sections ─────────────────────────────────────────────────────────────────────────


class Tls(Strict):
    """How the certificate of a receiver or engine is verified, and our client certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    insecure_skip_verify: Flag = False


class EngineApi(Strict):
    """How an engine's API is reached over TCP (`docker:tcp://host:port` in `sources.paths`)."""

    tls_config: Tls | None = None
    """Encrypt; without it the connection is not encrypted."""


class Printed(Strict):
    """Containers whose output `containers:` reads: those for which all that is given matches; texts may hold `*`."""

    name: Texts = ()
    image: Texts = ()
    project: Texts = ()
    """Of compose."""
    service: Texts = ()
    """Of compose."""
    labels: dict[str, str] = Field(default_factory=dict)


class Sources(Strict):
    """What is read."""

    paths: Texts = ()
    """Files, globs, `journal:`, `docker:`, `containers:` or `-`; none: the first readable of /var/log/messages, /var/log/syslog and the journal."""
    start: Literal["beginning", "end"] = "beginning"
    """Where to start in a file that was never read before."""
    multi_host: Flag = False
    """Lines of several hosts in one log: docker_* metrics get a label `host`."""
    count_repeated: Flag = True
    """`message repeated 3 times` and `last message repeated 3 times` are three events."""
    secrets: Texts = ()
    """Further parts of keys whose values are masked, in addition to password, token, secret and similar."""
    timezone: Zone | None = None
    """Zone of timestamps without one; default: learned from lines with one, else the system's."""
    rotate_wait: Duration = timedelta(seconds=60)
    """How long a renamed file is still watched for late lines."""
    max_ahead: Duration = timedelta(minutes=5)
    """How far beyond the wall clock the lines of a log that is followed may move the evaluation clock."""
    rotate_patterns: Texts = ()
    """Further names of rotated files, such as '%s.old'."""
    olddirs: Texts = ()
    """Folders that rotated files are moved to."""
    docker: EngineApi = EngineApi()
    containers: Annotated[tuple[Printed, ...], *ONE_OR_MANY] = ()
    """Whose output `containers:` reads (name, image, project, service, labels); none: every container's."""


class Rules(Strict):
    """Which rules run."""

    paths: Paths = ()
    """Rule files, and folders of them, in addition to the shipped ones."""
    disable: Texts = ()
    """Ids of event rules and names of alerts that do not run."""
    shipped: Flag = True
    """Run the rules that come with logwatch."""
    watch: Flag = True
    """Reload them when they or the configuration file change."""


class History(Strict):
    """How much history is kept; the oldest events are removed first."""

    max_age: Duration = timedelta(days=7)
    """Measured from the newest event."""
    max_events: Positive = 500_000
    """Largest number of events."""


class State(Strict):
    """What survives a restart."""

    dir: Path = Path("/var/lib/docker-logwatch")
    """Directory of the database and the positions."""
    sync: Literal["always", "interval", "off"] = "interval"
    """When a commit is forced to disk: at once, each second, or by the operating system."""
    history: History = History()
    max_bytes: Size = 512 << 20
    """Largest size of the database; above it the history is shortened: change points that only queries read go first, then those of series that are gone, then the oldest events."""


class Web(Strict):
    """What is served."""

    listen_address: Address = f":{DEFAULT_PORT}"
    enable_lifecycle: Flag = False
    """Allow POST /-/reload, /-/quit, /-/mute and /-/unmute."""
    max_connections: Positive = 512
    """Open connections; at the limit the one idle for longest is closed."""
    config_file: Path | None = None
    """TLS and basic auth, in the format of Prometheus' exporters."""
    created_timestamps: Flag = False
    """Say in OpenMetrics when each counter began, for Prometheus 3 with created-timestamp-zero-ingestion; others store it as more series."""
    external_url: Url | None = None
    """URL of the page for links in notifications."""


class BasicAuth(Strict):
    """Name and password for a receiver."""

    username: str
    password: SecretStr | None = None
    password_file: Path | None = None


class Server(Strict):
    """A server that logwatch sends requests to, and how it identifies itself there."""

    url: Url
    basic_auth: BasicAuth | None = None
    bearer_token_file: Path | None = None
    tls_config: Tls | None = None


class Receiver(Server):
    """Where notifications go."""

    timeout: Duration = timedelta(seconds=10)


class Alertmanager(Receiver):
    """An Alertmanager; each gets every alert."""

    path_prefix: str = ""


class Webhook(Receiver):
    """A receiver of Alertmanager's webhook format, without Alertmanager."""

    severity: Texts = ()
    """Only alerts of these severities; nothing: all but those of severity none."""
    repeat_interval: Duration = timedelta(hours=4)
    send_resolved: Flag = True


class Apprise(Strict):
    """A service that people read, such as Slack or mail, by Apprise (needs the package apprise)."""

    url_file: Path
    """Holds Apprise's URL of the service; it contains credentials."""
    severity: Texts = ()
    """Only alerts of these severities; nothing: all but those of severity none."""
    repeat_interval: Duration = timedelta(hours=4)
    send_resolved: Flag = True


class Alerting(Strict):
    """How alerts are evaluated, and where they are sent."""

    post: Literal["logwatch", "prometheus"] = "logwatch"
    """Who posts to the Alertmanagers: never both, or alerts flap. With prometheus, logwatch sends to webhooks and apprise only."""
    alertmanagers: Annotated[tuple[Annotated[Alertmanager, *OR_URL], ...], *ONE_OR_MANY] = ()
    webhooks: Annotated[tuple[Annotated[Webhook, *OR_URL], ...], *ONE_OR_MANY] = ()
    apprise: Annotated[tuple[Apprise, ...], *ONE_OR_MANY] = ()
    mute_windows: Annotated[tuple[MuteWindow, ...], *ONE_OR_MANY] = ()
    """Times at which alerts are not sent, such as those of a nightly backup; they are evaluated and kept."""
    external_labels: dict[Label, str] = Field(default_factory=dict)
    target_labels: dict[Label, str] | None = None
    """Labels of every series, as a scrape attaches them; default: job: logwatch, instance: <host>:<port>."""
    lateness: Duration = timedelta(seconds=2)
    """Delay of the evaluation clock, for late lines."""
    sample_interval: Duration = timedelta(seconds=15)
    """Interval of the samples that range functions other than increase and rate see."""
    promql: PromqlVersion = 2
    """Version of Prometheus whose PromQL expressions are in: 3 leaves out the older end of a range and has newer functions."""
    query_retention: Duration = timedelta(days=1)
    """How long the past of series is kept for queries (/api/v1/query, logwatch query), at least as long as rules look back."""
    last_words: Annotated[int, Field(ge=0, le=20)] = 0
    """The last lines that a container printed, or its failed health check, are sent as evidence of its alerts: this many."""


class Push(Strict):
    """When samples are taken for what `remote_write` and `otlp` name."""

    interval: PositiveDuration = timedelta(seconds=15)
    """Between two samples of every series, as the scrape interval of a Prometheus."""


class PushQueue(Strict):
    """How samples wait for their receiver, in the state directory."""

    max_samples_per_send: Positive = 2000
    min_backoff: PositiveDuration = timedelta(seconds=1)
    """Before a failed request is repeated; twice as long each time."""
    max_backoff: PositiveDuration = timedelta(seconds=30)
    sample_age_limit: PositiveDuration = timedelta(hours=6)
    """Samples that could not be sent for so long are dropped."""
    max_bytes: Size = 64 << 20
    """Above it the oldest samples are dropped."""


class PushReceiver(Server):
    """Where samples are pushed."""

    name: str = ""
    """In metrics and logs; default: scheme, host and port of the URL."""
    headers: dict[Header, SecretStr] = Field(default_factory=dict)
    """Further headers of each request, such as X-Scope-OrgID."""
    remote_timeout: PositiveDuration = timedelta(seconds=30)
    queue_config: PushQueue = PushQueue()


class Docker(Strict):
    """What is shown of containers."""

    labels: LabelKeys = ()
    """Keys of container labels that become `label_<key>`: a label of docker_container_info, an attribute of events."""


class Storage(Strict):
    """How the engine's disk is sampled, where `docker_root` is set."""

    interval: Duration = timedelta(minutes=5)
    """Between two samples of the engine's disk; 0: none."""
    time_budget: Duration = timedelta(seconds=5)
    """Work on a sample per interval; what is not done by then is done in the next one."""


class Metrics(Strict):
    """Which series there are."""

    short_lived: Literal["image", "compose_service"] | None = None
    """Count containers that lived under 5 minutes together, after their removal: by image, or by compose service if they have one."""


class Limits(Strict):
    """What bounds memory."""

    max_line_bytes: Size = 64 << 10
    settle: Duration = timedelta(seconds=1)
    """How long an event waits for a line that revokes or completes it."""
    max_containers: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Containers with their own series; those without events for longest are removed first."""
    keep_removed: Duration = timedelta(minutes=15)
    """How long after its removal a container has series; shipped alerts ask for 15 minutes of it."""


class Log(Strict):
    """Messages on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["logfmt", "json"] = "logfmt"


class Config(Strict):
    """All of it; every key has a default."""

    sources: Sources = Sources()
    rules: Rules = Rules()
    state: State = State()
    web: Web = Web()
    alerting: Alerting = Alerting()
    push: Push = Push()
    remote_write: Annotated[tuple[Annotated[PushReceiver, *OR_URL], ...], *ONE_OR_MANY] = ()
    """Receivers of Prometheus' remote write, for hosts that cannot be scraped."""
    otlp: Annotated[tuple[Annotated[PushReceiver, *OR_URL], ...], *ONE_OR_MANY] = ()
    """Receivers of OTLP metrics over HTTP; URLs usually end in /v1/metrics."""
    docker_root: Path | None = None
    """Docker's data directory, mounted read-only: what happens to containers, and what the disk holds."""
    containerd_root: Path | None = None
    """containerd's data directory, for engines that keep their images there."""
    docker: Docker = Docker()
    storage: Storage = Storage()
    metrics: Metrics = Metrics()
    limits: Limits = Limits()
    log: Log = Log()


def json_schema() -> str:
    """The JSON Schema of a configuration file, as it is committed in rules/schemas/."""
    tree = json.loads(schema_text(Config, "logwatch configuration"))
    for section in (tree, *tree["$defs"].values()):
        for key in section.get("properties", {}).values():
            _write_default(key)
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def _write_default(key: dict[str, Any]) -> None:
    """Write the default as the file has it: `2s` for PT2S, `64KiB` for 65536."""
    default = key.get("default")
    if key.get("type") != "string" or default is None or "pattern" not in key:
        return
    if isinstance(default, int):
        key["default"] = size_text(default)
    else:
        key["default"] = duration_text(TypeAdapter(timedelta).validate_python(default))
