"""The page in a real Chromium: what it shows, that it stays up to date, and that everybody can use it."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from ports import wait_for
from sidecar import Sidecar

from grafana.preview.stories import incident, many

pytestmark = pytest.mark.e2e

CONTAINERS = "#containers tbody th[scope=row]"
DESKTOP, PHONE = (1280, 900), (390, 844)
HOSTILE = "<img src=x onerror=document.title='hurt'>\u202egnp"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        # As root, Chromium starts only without its own sandbox; it sees nothing but our own page on loopback.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(need, request):
    """Open a page; a mistake of its scripts, or something that the policy keeps from loading, fails the test."""
    need("chromium")
    browser: Browser = request.getfixturevalue("chromium")
    opened, mistakes = [], []

    def open_page(url: str, size=DESKTOP, **options) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, timezone_id="Asia/Tokyo", **options
        )
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda message: mistakes.append(message.text) if message.type == "error" else None)
        page.on("request", lambda asked: mistakes.append(asked.url) if not asked.url.startswith(url[:17]) else None)
        page.goto(url)
        return page

    yield open_page
    for context in opened:
        context.close()
    assert mistakes == []


def write(log: Path, name: str, action: str, **attributes: str) -> None:
    """Append a line of `docker events`."""
    now = time.time_ns()
    body = {"Type": "container", "Action": action, "timeNano": now, "time": now // 10**9, "scope": "local"}
    body["Actor"] = {"ID": f"{sum(name.encode()):064x}", "Attributes": {"name": name, "image": "busybox", **attributes}}
    with log.open("a") as out:
        out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}+00:00 docker-1 docker-events[812]: {json.dumps(body)}\n")


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "messages"
    path.write_text(incident(time.time() - 2))
    write(path, HOSTILE, "start")
    return path


@pytest.fixture(scope="module")
def running(log) -> Iterator[Sidecar]:
    one = Sidecar(log.parent / "state", "--log", str(log), "--web.enable-lifecycle")
    wait_for(lambda: one.get("/-/ready")[0] == 200, "the log read")
    yield one
    one.end()


@pytest.fixture
def site(running) -> str:
    return f"http://127.0.0.1:{running.port}"


PAGES = ("/", "/events?range=1d", "/alerts", "/rules?q=oom", "/sources", "/search?q=web", "/graph?expr=up", "/runbooks")
PAGES += ("/runbooks/DockerContainerOomKilled", "/containers/web?range=6h")


def test_it_says_in_one_sentence_what_is_wrong(browse, site):
    page = browse(site)
    headline = page.locator("h1").inner_text()

    assert re.match(r"3 of \d+ containers are in trouble on docker-1: ", headline)
    for words in ("web ran out of memory", "worker keeps ending and restarting", "api is unhealthy"):
        assert words in headline
    assert page.locator("#trouble .row").count() >= 3
    assert page.locator("#trouble pre:visible").count() == 0
    page.locator("#trouble summary").first.click()
    assert page.locator("#trouble pre:visible").count() >= 1
    assert "Watchdog" not in page.locator("#trouble").inner_text()


def test_a_filter_is_typed_and_kept_in_the_address(browse, site):
    page = browse(site)
    page.keyboard.press("f")
    page.keyboard.type("postfix")
    expect(page.locator(CONTAINERS)).to_have_count(1)

    assert page.url.endswith("/?q=postfix")
    page.reload()
    assert page.locator(CONTAINERS).all_inner_texts() == ["postfix"]
    assert page.locator("#filter").input_value() == "postfix"


def test_what_happens_appears_by_itself_and_what_is_open_stays_open(browse, site, log):
    page = browse(site)
    page.wait_for_selector("button.live.on")
    page.locator("#trouble summary").first.click()
    write(log, "newcomer", "start")
    page.wait_for_selector("#events :text('newcomer')")
    page.wait_for_selector("#containers :text('newcomer')")

    assert page.locator("#trouble details").first.get_attribute("open") is not None


def test_one_pauses_what_is_live(browse, site, log):
    page = browse(f"{site}/events")
    page.wait_for_selector("button.live.on")
    page.keyboard.press("p")
    write(log, "unseen", "start")
    other = browse(f"{site}/events?name=unseen")
    wait_for(lambda: other.reload() is not None and other.locator("#events .item").count() > 0, "the event stored")

    assert page.locator("#events :text('unseen')").count() == 0
    page.keyboard.press("p")
    page.wait_for_selector("#events :text('unseen')")


def test_one_zooms_with_the_mouse(browse, site):
    page = browse(f"{site}/events?range=6h")
    box = page.locator(".histogram").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 20, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("since=.*until="))
    drawing = page.locator("[data-zoom]")
    since, until = (datetime.fromisoformat(drawing.get_attribute(f"data-{end}")[:19]) for end in ("since", "until"))

    assert abs((until - since).total_seconds() - 3 * 3600) < 120


def test_times_are_local_or_utc(browse, site):
    page = browse(f"{site}/events?range=1d")
    stamp = page.locator("#events time").first
    moment = datetime.fromisoformat(stamp.get_attribute("datetime")[:19]).replace(tzinfo=UTC)

    assert page.locator("#zone").inner_text() == "Times: local"
    assert stamp.inner_text() in {
        f"{(moment.hour + 9) % 24:02d}:{moment:%M:%S}",
        f"{moment:%m-%d} {(moment.hour + 9) % 24:02d}:{moment:%M}",
    }
    page.keyboard.press("u")
    assert page.locator("#zone").inner_text() == "Times: UTC"
    assert f"{moment:%H:%M}" in stamp.inner_text()


def test_keys_move_through_rows_and_are_explained(browse, site):
    page = browse(site)
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/containers/"))


def test_an_alert_is_muted_and_the_mute_ended(browse, site):
    page = browse(f"{site}/alerts")
    alert = page.locator("#firing details.item", has_text="DockerContainerRestartLoop")
    alert.locator("summary").first.click()
    alert.locator("summary", has_text="Labels, expression, mute").click()
    alert.locator("input[name=reason]").fill("the new version comes at noon")
    alert.get_by_role("button", name="Mute").click()
    page.wait_for_url(re.compile("/alerts$"))
    wait_for(lambda: page.reload() is not None and page.locator("#muted").count() > 0, "the mute read")

    assert "the new version comes at noon" in page.locator("#muted").inner_text()
    page.locator("#muted button").click()
    wait_for(lambda: page.reload() is not None and page.locator("#muted").count() == 0, "the mute ended")


def test_a_line_is_explained(browse, site):
    page = browse(f"{site}/rules")
    page.locator("#line").fill(
        'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57Z" level=info msg="Processing signal \'terminated\'"'
    )
    page.get_by_role("button", name="Explain").click()

    assert "daemon/stop-signal: makes daemon.stop" in page.locator(".explained").inner_text()


def test_hostile_names_are_text(browse, site):
    page = browse(f"{site}/events?range=1d")

    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Events - logwatch"
    assert "<img src=x" in page.locator("#events").inner_text()


def test_a_phone_shows_all_of_it(browse, site):
    page = browse(site, PHONE)
    widths = {}
    for path in PAGES:
        page.goto(f"{site}{path}")
        widths[path] = page.evaluate("document.documentElement.scrollWidth")

    assert widths == dict.fromkeys(PAGES, PHONE[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browse, site, scheme):
    found = {}
    page = browse(site, color_scheme=scheme, reduced_motion="reduce")
    for path in PAGES:
        page.goto(f"{site}{path}")
        for summary in page.locator("#trouble summary, #firing summary").all()[:3]:
            summary.click()
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                found[path, fault["id"]] = [node["html"][:200] for node in fault["nodes"]][:3]

    assert found == {}


def test_dark_is_dark(browse, site):
    page = browse(site, color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 19, 23)"
    page.locator("#look").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"


def test_it_works_without_script(browse, site):
    page = browse(f"{site}/?q=postfix", java_script_enabled=False)

    assert page.locator(CONTAINERS).all_inner_texts() == ["postfix"]
    assert page.locator("time").first.inner_text().endswith("UTC")


def test_a_thousand_containers(browse, sidecar, tmp_path):
    log = tmp_path / "messages"
    log.write_text(many(time.time() - 2))
    one = sidecar("--log", str(log))
    wait_for(lambda: one.get("/-/ready")[0] == 200, "the log read")
    page = browse(f"http://127.0.0.1:{one.port}/")

    assert page.locator("h1").inner_text() == "All 1000 containers are well on docker-1."
    assert page.locator(CONTAINERS).count() == 200
    page.locator("#filter").fill("team07-svc2")
    expect(page.locator(CONTAINERS)).to_have_count(5)


def test_what_a_container_printed_last_is_seen(browse, sidecar, tmp_path):
    """Its folder in DOCKER_ROOT has the file of the engine and the log of the driver json-file."""
    identifier = f"{sum(b'worker'):064x}"
    folder = tmp_path / "docker" / "containers" / identifier
    folder.mkdir(parents=True)
    printed = folder / f"{identifier}-json.log"

    def engine_writes(**state: object) -> None:
        known = {"ID": identifier, "Name": "/worker", "Config": {"Image": "busybox"}, "LogPath": str(printed)}
        (folder / "new").write_text(json.dumps({**known, "State": {"StartedAt": "2026-01-01T00:00:00Z", **state}}))
        (folder / "new").rename(folder / "config.v2.json")

    engine_writes(Running=True, FinishedAt="0001-01-01T00:00:00Z")
    log = tmp_path / "messages"
    log.touch()
    write(log, "worker", "start")
    one = sidecar("--log", str(log), "--docker-root", str(tmp_path / "docker"))
    wait_for(lambda: one.get("/-/ready")[0] == 200, "the log read")
    texts = ("opening the queue", "FATAL: <b>no</b> queue at redis:6379, password=hunter2")
    printed.write_text("".join(json.dumps({"log": f"{text}\n", "stream": "stderr"}) + "\n" for text in texts))
    write(log, "worker", "die", exitCode="2")
    engine_writes(Running=False, ExitCode=2, FinishedAt=datetime.now(UTC).isoformat())
    wait_for(lambda: "FATAL" in one.get("/api/v1/events?name=worker")[1], "the death with its last words")
    page = browse(f"http://127.0.0.1:{one.port}/containers/worker?range=1h")

    page.locator("summary", has_text="die").first.click()
    last = page.locator("details[open] pre").first
    expect(last).to_be_visible()
    assert last.inner_text().splitlines()[0] == "opening the queue"
    assert "FATAL: <b>no</b> queue at redis:6379" in last.inner_text()
    assert "hunter2" not in page.content()
