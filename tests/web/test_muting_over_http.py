"""Mutes over HTTP, only where reload and quit are allowed as well."""

import urllib.error
import urllib.parse
import urllib.request

import pytest

from logwatch.model import SECOND
from logwatch.web import WebServer


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture
def post(server):
    def post(path, headers=None, **fields):
        url = f"http://{server.address}/-/{path}"
        request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), headers=headers or {})
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    return post


def test_an_alert_is_muted_and_the_mute_ended(view, post):
    status, headers, _ = post("mute", name="web", reason="moving it", back="/containers/web", **{"for": "30m"})
    (mute,) = view.mutes.mutes

    assert (status, headers["location"]) == (303, "/containers/web")
    assert (dict(mute.match), mute.reason, mute.by) == ({"name": "web"}, "moving it", "page")
    assert mute.until_ns == view.now_ns() + 1800 * SECOND
    assert post("unmute", id=mute.id)[0] == 303
    assert view.mutes.mutes == ()
    assert post("unmute", id=mute.id)[0] == 404
    assert post("unmute", id="../../lock")[0] == 404


def test_who_muted_is_who_logged_in(view, post):
    post("mute", {"Authorization": "Basic YW5uOnNlY3JldA=="}, all="yes", **{"for": "1h"})

    assert [mute.by for mute in view.mutes.mutes] == ["ann"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "web"}, b"for is missing"),
        ({"name": "web", "for": "soon"}, b"'soon' is not a duration"),
        ({"for": "1h"}, b"nothing to mute"),
        ({"a b": "x", "for": "1h"}, b"'a b' is not a label name"),
        ({"../x": "x", "for": "1h"}, b"'../x' is not a label name"),
        ({"name": "x" * 600, "for": "1h"}, b"longer than 512"),
        ({"name": "web", "for": "1h", "reason": "x" * 9000}, b"longer than 8192"),
    ],
)
def test_a_mistake_is_explained(view, post, fields, words):
    status, _, body = post("mute", **fields)

    assert status == 400
    assert words in body
    assert view.mutes.mutes == ()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_another_site_cannot_mute(view, post, headers):
    assert post("mute", headers, name="web", **{"for": "1h"})[0] == 403
    assert view.mutes.mutes == ()


def test_a_browser_that_hides_where_it_was_sent_from_can(view, post):
    assert post("mute", {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, name="web", **{"for": "1h"})[0] == 303
    assert len(view.mutes.mutes) == 1


@pytest.mark.parametrize("back", ["//evil.example", "http://evil.example", "/\\evil.example"])
def test_one_is_not_sent_to_another_site(post, back):
    assert post("mute", name="web", back=back, **{"for": "1h"})[1]["location"] == "/alerts"


def test_without_the_flag_nothing_is_muted_and_the_flag_is_named(view):
    server = WebServer(view, "127.0.0.1:0")
    server.start()
    request = urllib.request.Request(f"http://{server.address}/-/mute", b"name=web&for=1h")
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert b"--web.enable-lifecycle" in answer.read()
    server.close()

    assert view.mutes.mutes == ()
