"""What the configuration makes of the parts: one URL for alerts and webhooks, labels in rules."""

from pathlib import Path
from socket import gethostname

import pytest

from logwatch.build import Builder, external_url
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.notifiers.webhook import Webhook
from logwatch.receivers import receivers

TLS = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"


@pytest.mark.parametrize(
    ("web", "content", "url"),
    [
        ({"listen_address": "10.1.2.3:19979"}, None, "http://10.1.2.3:19979"),
        ({"listen_address": "10.1.2.3:19979"}, TLS, "https://10.1.2.3:19979"),
        ({"listen_address": "10.1.2.3:19979"}, "basic_auth_users: {}\n", "http://10.1.2.3:19979"),
        ({"listen_address": ":19979"}, None, f"http://{gethostname()}:19979"),
        ({"listen_address": "0.0.0.0:1"}, TLS, f"https://{gethostname()}:1"),
        ({"external_url": "https://watch.example/x"}, TLS, "https://watch.example/x"),
    ],
)
def test_alerts_and_webhooks_name_the_same_url(
    tmp_path: Path, web: dict[str, str], content: str | None, url: str
) -> None:
    if content is not None:
        (tmp_path / "web.yml").write_text(content)
        web = {**web, "config_file": str(tmp_path / "web.yml")}
    config = Config.model_validate({"web": web, "alerting": {"webhooks": [{"url": "http://127.0.0.1:1/"}]}})
    (webhook,) = receivers(config)

    assert isinstance(webhook, Webhook)
    assert webhook._external_url == url
    assert Builder(config, Registry(), None).settings().alerting.external_url == url
    assert external_url(config) == url


def test_rules_that_take_docker_events_take_the_chosen_labels_as_well() -> None:
    config = Config.model_validate({"docker": {"labels": ["com.example/team"]}})
    rules = {rule.id: rule.attributes for rule in Builder(config, Registry(), None).rules().rules}

    assert rules["docker-events/event"]["label_com_example_team"] == "{Actor.Attributes.com.example/team}"
    assert not any("label_com_example_team" in rules[each] for each in rules if not each.startswith("docker-events/"))
