import gzip
import json
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from webfakes import ID, FakeView, event

from logwatch.errors import ConfigError
from logwatch.matching.unknown_lines import LineGroup
from logwatch.model import SECOND, State
from logwatch.web import WebServer, server


def fetch(server, path, method="GET", headers=None):
    request = urllib.request.Request(f"http://{server.address}{path}", method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def data(server, path):
    status, headers, body = fetch(server, path)

    assert (status, headers["content-type"]) == (200, "application/json")
    return json.loads(body)["data"]


def test_metrics_come_in_the_format_asked_for(view, server):
    view.show("docker_events_total", ("container", "oom"), 3.0)
    _, text_headers, text = fetch(server, "/metrics")
    _, open_headers, page = fetch(server, "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})

    assert text_headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b'docker_events_total{type="container",action="oom"} 3.0\n' in text
    assert open_headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert page.endswith(b"# EOF\n")


def test_a_large_page_is_compressed_for_who_can_read_it(view, server):
    for number in range(500):
        view.show("docker_container_events_total", (f"web{number}", "die"), 1.0)
    _, headers, body = fetch(server, "/metrics", headers={"Accept-Encoding": "gzip"})

    assert headers["content-encoding"] == "gzip"
    assert b'name="web499"' in gzip.decompress(body)


@pytest.mark.parametrize(("ok", "status"), [(True, 200), (False, 503)])
@pytest.mark.parametrize(("path", "words"), [("/-/healthy", b"the loop"), ("/-/ready", b"/var/log/messages")])
def test_probes_answer_by_status_and_say_why(view, server, path, words, ok, status):
    view.ok = ok
    answered, _, body = fetch(server, path)

    assert answered == status
    assert words in body


def test_reload_and_quit_reach_the_engine(view, server):
    assert fetch(server, "/-/reload", "POST")[0] == 200
    view.reload_error = "rules/x.yml:3:5: unknown key"
    assert fetch(server, "/-/reload", "POST")[::2] == (500, b"rules/x.yml:3:5: unknown key\n")
    assert fetch(server, "/-/quit", "POST")[0] == 200
    assert view.ended
    assert fetch(server, "/-/reload")[0] == 405


@pytest.mark.parametrize("path", ["/-/reload", "/-/quit"])
def test_without_the_flag_reload_and_quit_are_forbidden_and_the_flag_is_named(view, path):
    server = WebServer(view, "127.0.0.1:0")
    server.start()
    status, _, body = fetch(server, path, "POST")
    server.close()

    assert status == 403
    assert b"--web.enable-lifecycle" in body
    assert not view.ended


def test_events_are_queried(view, server):
    view.outcomes = [event(7, exit_code="137")]
    found = data(
        server, "/api/v1/events?since=2026-11-23T18:00:00Z&until=1763921600&event=container.die&id=8dd3&limit=5"
    )
    query = view.asked[-1]

    assert found == [
        {
            "seq": 7,
            "host": "vm",
            "time": "2025-11-23T18:12:57.728700501Z",
            "event": "container.die",
            "id": ID,
            "name": "web",
            "attributes": {"exit_code": "137"},
            "severity": "info",
            "rule": "docker-engine/task-delete",
            "path": "/var/log/messages",
            "offset": 91234,
            "line": None,
        }
    ]
    assert (query.since_ns, query.until_ns) == (1_795_456_800 * SECOND, 1_763_921_600 * SECOND)
    assert (query.event, query.id, query.limit, query.newest_first) == ("container.die", "8dd3", 5, True)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("limit=many", "limit 'many'"),
        ("limit=99999999", "up to 10000"),
        ("since=yesterday", "since 'yesterday'"),
        ("until=2026-11-23T18:00:00", "add the zone"),
        ("names=web", "unknown parameter 'names'"),
    ],
)
def test_a_parameter_that_cannot_be_understood_is_explained(server, parameters, words):
    status, _, body = fetch(server, f"/api/v1/events?{parameters}")
    answer = json.loads(body)

    assert (status, answer["status"], answer["errorType"]) == (400, "error", "bad_data")
    assert words in answer["error"]


def test_containers_are_those_of_the_register_with_what_their_series_count(view, server):
    view.know("web", image="nginx:1", state=State.EXITED, health="unhealthy", exit_code="137")
    view.show("docker_container_events_total", ("web", "die"), 2.0)
    view.show("docker_container_events_total", ("web", "oom"), 0.0)
    view.show("docker_container_events_total", ("_other", "die"), 9.0)
    view.show("docker_container_last_event_timestamp_seconds", ("web", "start"), 100.0)
    view.show("docker_container_last_event_timestamp_seconds", ("web", "die"), 200.0)
    view.show("docker_container_last_exit_timestamp_seconds", ("web", "exit"), 100.0)
    view.show("docker_container_last_exit_timestamp_seconds", ("web", "requested"), 200.0)

    assert data(server, "/api/v1/containers") == [
        {
            "name": "web",
            "host": "",
            "id": ID,
            "image": "nginx:1",
            "project": "",
            "service": "",
            "state": "exited",
            "since": 0.0,
            "health": "unhealthy",
            "failing_streak": 0,
            "probe_output": "",
            "exit_code": 137,
            "cause": "requested",
            "last_event": 200.0,
            "last_action": "die",
            "events": {"die": 2},
        }
    ]


def test_sources_rules_and_build_are_told(view, server):
    view.show("logwatch_rule_hits_total", ("docker-engine/task-delete",), 4.0)
    (rule,) = data(server, "/api/v1/rules/events")

    assert data(server, "/api/v1/sources")[0]["pending"] == 3
    assert (rule["id"], rule["hits"], rule["lastHit"]) == ("docker-engine/task-delete", 4, None)
    assert set(data(server, "/api/v1/status/buildinfo")) == {"version", "pythonVersion"}


def page(server, path="/"):
    status, headers, body = fetch(server, path)

    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    return body.decode()


def test_the_overview_shows_containers_events_and_sources(view, server):
    view.know("web", image="nginx:1")
    view.show("docker_events_total", ("container", "die"), 2.0)
    view.outcomes = [event(1, name="<script>alert(1)</script>", error="\udcff")]
    text = page(server)

    for words in ("nginx:1", "container.die</a></dt><dd>2<", "2025-11-23T18:12:57.7287", "/var/log/messages"):
        assert words in text
    assert "<script>alert" not in text


def test_a_browser_loads_nothing_from_others_and_nothing_inline(view, server):
    view.know("web")
    view.outcomes = [event(1)]
    for path in (
        "/",
        "/events",
        "/alerts",
        "/rules",
        "/sources",
        "/search?q=web",
        "/graph",
        "/runbooks",
        "/containers/web",
    ):
        _, headers, body = fetch(server, path)
        text = body.decode()

        assert "unsafe" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert not re.search(r"<style|<script>|\sstyle=|\son\w+=|https?://", text), path
        for url in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
            assert fetch(server, url)[0] == 200


def test_the_page_and_the_api_show_what_no_rule_knows(view, server):
    since = 1_763_921_000 * SECOND
    view.groups = [LineGroup("info", ["gadget", "<*>", "<lost>"], "vm", since, since + SECOND, 7, ["gadget 1 <lost>"])]
    text = page(server, "/rules")

    assert "gadget &lt;*&gt; &lt;lost&gt;" in text
    assert data(server, "/api/v1/lines/unknown") == [
        {
            "level": "info",
            "text": "gadget <*> <lost>",
            "count": 7,
            "first": "2025-11-23T18:03:20.000000000Z",
            "last": "2025-11-23T18:03:21.000000000Z",
            "samples": ["gadget 1 <lost>"],
        }
    ]


def test_static_files_are_kept_until_they_change(server):
    (url,) = re.findall(r'src="(/static/page\.js\?\w+)"', page(server))
    status, headers, _ = fetch(server, url)

    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in headers["cache-control"]
    assert fetch(server, "/static/../app.py")[0] == 404
    assert fetch(server, "/static/nothing.css")[0] == 404


def test_the_page_of_a_container_shows_what_happened_to_it(view, server):
    view.know("my web", image="nginx:1", state=State.EXITED, exit_code="137")
    view.outcomes = [event(1, name="my web", exit_code="137")]
    text = page(server, "/containers/my%20web")

    assert "my web" in {query.name for query in view.asked}
    for words in ("exited", "exit 137", "docker-engine/task-delete", "at byte 91234", 'class="running"'):
        assert words in text


def test_a_container_without_a_name_is_found_by_its_id(view, server):
    view.know(None)
    page(server, f"/containers/{ID[:12]}")

    assert (view.asked[-1].id, view.asked[-1].name) == (ID[:12], None)


def test_a_container_that_nobody_knows_is_not_found(server):
    status, _, body = fetch(server, "/containers/nobody")

    assert status == 404
    assert b"nobody" in body


def rows(text):
    return re.findall(r'<th scope="row"><a href="/containers/([^"]+)"', text)


def test_what_needs_a_look_is_first(view, server):
    for name, state in (("a", "running"), ("b", "exited"), ("c", "restarting"), ("d", "exited"), ("e", "running")):
        known = {"exit_code": "1"} if name == "d" else {"health": "unhealthy"} if name == "e" else {}
        view.know(name, id=name * 64, state=State(state), since_ns=view.now_ns() - SECOND, **known)
    text = page(server)

    assert rows(text) == ["c", "d", "e", "a", "b"]
    assert "3 of 5 containers are in trouble" in text


def test_containers_of_a_project_are_together_and_those_in_trouble_first(view, server):
    for number, (name, project) in enumerate((("a", "shop"), ("b", "mail"), ("c", "shop"), ("d", ""))):
        labels = {"compose_project": project} if project else {}
        state = State.RESTARTING if name == "b" else State.RUNNING
        view.know(name, id=str(number) * 64, state=state, labels=labels)
    text = page(server)

    assert rows(text) == ["b", "a", "c", "d"]
    assert re.findall(r'scope="rowgroup" colspan="8">([^<]+)<', text) == ["mail", "shop", "without a project"]
    assert rows(page(server, "/?project=shop")) == ["a", "c"]
    assert rows(page(server, "/?state=trouble")) == ["b"]
    assert rows(page(server, "/?q=SHOP+c")) == ["c"]
    assert rows(page(server, "/?sort=name")) == ["a", "b", "c", "d"]
    assert "No container matches" in page(server, "/?state=paused")


def test_of_many_containers_some_are_drawn_and_all_are_counted(view, server):
    for number in range(250):
        view.know(f"c{number}", id=f"{number:064x}", state=State.RUNNING)
    text = page(server)

    assert "All 250 containers are well" in text
    assert len(rows(text)) == 200
    assert "Show all 250" in text
    assert len(rows(page(server, "/?all=yes"))) == 250


def test_the_page_of_a_fresh_start_says_what_is_missing(view, server):
    view.ok = False
    text = page(server)

    assert "not ready" in text
    assert "no such file" in text
    assert "No container in the log yet" in text


def test_events_are_filtered_by_the_address(view, server):
    view.outcomes = [event(seq) for seq in (3, 2, 1)]
    text = page(server, "/events?name=web&event=container.die&severity=error&q=boom&project=shop&range=6h&quiet=yes")
    query = view.asked[-1]

    assert (query.name, query.event, query.text) == ("web", "container.die", "boom")
    assert query.severities == ("error", "critical")
    assert query.attributes == {"compose_project": "shop"}
    assert query.until_ns - query.since_ns == 6 * 3600 * SECOND
    assert "3 ×" in text
    assert "3 events, 0 errors" in text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("since=x", b"give seconds since 1970"),
        ("severity=bad", b"give one of debug"),
        ("since=2025-11-23T19:00:00Z&until=2025-11-23T18:00:00Z", b"exchange them"),
        ("nothing=1", b"unknown parameter"),
    ],
)
def test_a_wrong_address_is_explained(server, address, words):
    status, _, body = fetch(server, f"/events?{address}")

    assert status == 400
    assert words in body


def test_one_can_zoom_in_and_move(server):
    text = page(server, "/events?since=2025-11-23T18:00:00Z&until=2025-11-23T19:00:00Z&name=web")

    def link(title):
        return re.search(rf'href="([^"]+)">{title}<', text)[1]

    assert link("zoom in") == ("/events?since=2025-11-23T18%3A15%3A00Z&amp;until=2025-11-23T18%3A45%3A00Z&amp;name=web")
    assert "since=2025-11-23T17%3A30%3A00Z" in link("earlier")
    assert "since=2025-11-23T18%3A30%3A00Z" in link("later")
    assert "until=2025-11-23T19%3A30%3A00Z" in link("zoom out")
    assert link("1d") == "/events?name=web&amp;range=1d"


def test_a_search_finds_containers_rules_and_events(view, server):
    view.know("web-1", state=State.RUNNING)
    view.know("other", id="1" * 64, state=State.RUNNING)
    view.outcomes = [event(1, name="web-1")]
    text = page(server, "/search?q=WEB")

    assert '"/containers/web-1"' in text
    assert '"/containers/other"' not in text
    assert view.asked[-1].text == "WEB"
    assert "docker-engine/task-delete" in page(server, "/search?q=main+process")


def test_a_line_is_explained_in_the_browser(server):
    text = page(server, "/rules?line=%3Cb%3Ea+line")

    assert "<dt>header</dt><dd>&lt;b&gt;a line</dd>" in text
    assert "A main process is gone." in text


# ── where it listens ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [(":19979", ("", 19979)), ("[::1]:80", ("::1", 80)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::]:1", ("::", 1))],
)
def test_addresses_have_the_forms_of_prometheus_flags(text, expected):
    assert server.parse_address(text) == expected


@pytest.mark.parametrize("text", ["19979", "", "host:", "host:http", ":70000", "::1:80", "[::1:80"])
def test_what_is_no_address_is_explained(text):
    with pytest.raises(ConfigError, match="not a listening address"):
        server.parse_address(text)


def test_a_port_in_use_is_named(server):
    with pytest.raises(ConfigError, match=f"port {server.port}: .*in use.*--web.listen-address"):
        WebServer(FakeView(), f"127.0.0.1:{server.port}")


def test_a_host_that_is_not_known_is_named():
    with pytest.raises(ConfigError, match="no-such-host"):
        server.listen("no-such-host.invalid:0")


@pytest.mark.parametrize("text", [":0", "[::1]:0"])
def test_every_form_of_address_is_listened_on(view, text):
    if text.startswith("[") and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    server = WebServer(view, text)
    server.start()
    status, _, _ = fetch(server, "/-/healthy")
    server.close()

    assert status == 200


def test_after_close_nothing_listens(view):
    server = WebServer(view, "127.0.0.1:0")
    port = server.port
    server.start()
    fetch(server, "/-/healthy")
    server.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_server_that_never_started_closes(view):
    server = WebServer(view, "127.0.0.1:0")
    server.close()
