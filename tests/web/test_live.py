"""Events as server-sent events."""

import http.client
import threading
from contextlib import contextmanager

import pytest
from webfakes import event

from logwatch.web import WebServer, live


@contextmanager
def watching(server, path="/events/stream", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        connection.close()


def message(answer):
    """The next message, by its fields."""
    found = {}
    while line := answer.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(live, "PAUSE", 0.01)


@pytest.fixture
def commit(view):
    def commit(*outcomes):
        view.outcomes = list(outcomes)
        view.commits += 1

    return commit


@pytest.mark.usefixtures("quickly")
def test_what_is_committed_is_sent_with_its_number(view, server, commit):
    with watching(server, "/events/stream?name=web&event=container.die") as answer:
        assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream; charset=utf-8")
        assert message(answer) == {"retry": "5000"}
        commit(event(7, name="<web>"))
        rows = message(answer)

        assert (rows["event"], rows["id"]) == ("rows", "7")
        assert "container.die" in rows["data"]
        assert "<web>" not in rows["data"]
        assert message(answer)["event"] == "change"
        assert (view.asked[-1].name, view.asked[-1].event) == ("web", "container.die")


@pytest.mark.usefixtures("quickly")
def test_a_browser_that_comes_again_gets_what_it_missed(view, server, commit):
    with watching(server, headers={"Last-Event-ID": "41"}) as answer:
        message(answer)
        commit(event(42))
        message(answer)

        assert view.asked[-1].after_seq == 41
        assert view.asked[-1].limit == live.MOST


@pytest.mark.usefixtures("quickly")
def test_without_an_event_only_the_change_is_sent(server, commit):
    with watching(server) as answer:
        message(answer)
        commit()

        assert message(answer) == {"event": "change", "data": "1"}


def test_so_many_may_watch_at_once(server, monkeypatch):
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    with watching(server) as first:
        message(first)
        with watching(server) as second:
            assert second.status == 503
            assert second.getheader("retry-after") == "60"


def test_a_wrong_query_is_explained(server):
    with watching(server, "/events/stream?severity=bad") as answer:
        assert answer.status == 400


def test_the_end_of_the_server_ends_what_is_watched(view):
    server = WebServer(view, "127.0.0.1:0")
    server.start()
    with watching(server) as answer:
        message(answer)
        closing = threading.Thread(target=server.close)
        closing.start()

        assert answer.read() == b""
        closing.join(10)
        assert not closing.is_alive()
