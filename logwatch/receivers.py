"""The receivers that the configuration names: of notifications, and of samples."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from logwatch.build import external_url, target_labels
from logwatch.config import Config, settings
from logwatch.errors import ConfigError
from logwatch.notation import nanoseconds
from logwatch.notifiers import Receiver
from logwatch.notifiers.receiver import Options

if TYPE_CHECKING:
    from logwatch.notifiers.alertmanager import Alertmanager
    from logwatch.notifiers.http import Client
    from logwatch.notifiers.silences import Silences
    from logwatch.push import Destination, Pusher
    from logwatch.push.rounds import Format


def receivers(config: Config) -> list[Receiver]:
    """Build them all; raises ConfigError where an extra is missing.

    The name of a webhook is its origin, for the path may be a secret; a second one of the same
    origin gets a number. Without any, what speaks HTTP is not loaded: it takes some megabytes.
    """
    alerting = config.alerting
    if not (alerting.alertmanagers or alerting.webhooks or alerting.apprise):
        return []
    from logwatch.notifiers.apprise import Apprise
    from logwatch.notifiers.webhook import Webhook

    built: dict[str, Receiver] = {}
    for receiver in _alertmanagers(config):
        built.setdefault(receiver.name, receiver)  # the same Alertmanager twice is one
    for webhook in config.alerting.webhooks:
        client = _client(webhook, webhook.timeout)
        name = _unique(client.origin, built)
        built[name] = Webhook(client, _options(webhook), external_url(config), name)
    for service in config.alerting.apprise:
        name = _unique(f"apprise:{service.url_file.stem}", built)
        built[name] = Apprise(name, service.url_file, _options(service))
    return list(built.values())


def _alertmanagers(config: Config) -> Iterator[Alertmanager]:
    from logwatch.notifiers.alertmanager import Alertmanager

    if config.alerting.post == "prometheus":
        return
    for alertmanager in config.alerting.alertmanagers:
        yield Alertmanager(_client(alertmanager, alertmanager.timeout), alertmanager.path_prefix)


def silences(config: Config, now: Callable[[], int]) -> list[Silences]:
    """Build what keeps the silences of each Alertmanager that logwatch posts to."""
    alerting = config.alerting
    if alerting.post == "prometheus" or not alerting.alertmanagers:
        return []
    from logwatch.notifiers.silences import Silences

    found = {(each.url, each.path_prefix): each for each in alerting.alertmanagers}
    return [Silences(_client(each, each.timeout), each.path_prefix, now) for each in found.values()]


def pusher(config: Config, now: Callable[[], int]) -> Pusher | None:
    """Return what pushes samples; None if nothing is to be pushed. Raises ConfigError without the extra, StateError."""
    if not (config.remote_write or config.otlp):
        return None
    from logwatch.push import Pusher
    from logwatch.push.otlp import Otlp
    from logwatch.push.remote_write import RemoteWrite
    from logwatch.store.push_queue import PushQueue

    labels = {**config.alerting.external_labels, **target_labels(config)}
    built: dict[str, Destination] = {}
    for format_type, receivers in ((RemoteWrite, config.remote_write), (Otlp, config.otlp)):
        for receiver in receivers:
            destination = _destination(receiver, format_type(labels), built)
            built[destination.name] = destination
    queue = PushQueue(config.state.dir, built)
    return Pusher(list(built.values()), queue, nanoseconds(config.push.interval), now)


def missing_packages(config: Config) -> list[str]:
    """Return for each format that is configured and whose packages are not installed what to do about it."""
    if not (config.remote_write or config.otlp):
        return []
    from logwatch.push.otlp import Otlp
    from logwatch.push.remote_write import RemoteWrite

    found = []
    for format_type, receivers in ((RemoteWrite, config.remote_write), (Otlp, config.otlp)):
        try:
            if receivers:
                format_type({})
        except ConfigError as error:
            found.append(str(error))
    return found


def _destination(receiver: settings.PushReceiver, sample_format: Format, taken: Container[str]) -> Destination:
    from logwatch.push import Destination
    from logwatch.store.push_queue import Limit

    client, queue = _client(receiver, receiver.remote_timeout), receiver.queue_config
    return Destination(
        _unique(receiver.name or client.origin, taken),
        client,
        sample_format,
        Limit(nanoseconds(queue.sample_age_limit), queue.max_bytes),
        most_samples=queue.max_samples_per_send,
        min_backoff=queue.min_backoff / timedelta(seconds=1),
        max_backoff=queue.max_backoff / timedelta(seconds=1),
        headers={name: value.get_secret_value() for name, value in receiver.headers.items()},
    )


def _unique(name: str, taken: Container[str]) -> str:
    number = 1
    while (unique := name if number == 1 else f"{name}#{number}") in taken:
        number += 1
    return unique


def _client(receiver: settings.Server, timeout: timedelta) -> Client:
    from logwatch.notifiers.http import Client, Credentials, Tls

    tls, auth = receiver.tls_config or settings.Tls(), receiver.basic_auth
    return Client(
        receiver.url,
        Credentials(
            username=auth.username if auth else "",
            password=auth.password.get_secret_value() if auth and auth.password else None,
            password_file=auth.password_file if auth else None,
            bearer_token_file=receiver.bearer_token_file,
        ),
        Tls(tls.ca_file, tls.cert_file, tls.key_file, tls.server_name, verify=not tls.insecure_skip_verify),
        timeout,
    )


def _options(receiver: settings.Webhook | settings.Apprise) -> Options:
    return Options(nanoseconds(receiver.repeat_interval), receiver.severity, receiver.send_resolved)
