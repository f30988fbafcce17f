"""The scanner: every pattern of every rule in one pass, against a twin that goes line by line."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logwatch.errors import RuleError
from logwatch.matching.patterns import compile_regex, find_fault
from logwatch.matching.scanner import Scanner, count_lines
from logwatch.model import Mark, MetricRule, Pattern, Role, Rule, Scan, Severity

MARK = Mark("rules/own.yml", 3, 7)


def rule(name: str, *patterns: str | Pattern, event: str = "container.die", program: str = "engine") -> Rule:
    found = tuple(text if isinstance(text, Pattern) else Pattern(text, False, MARK) for text in patterns)
    return Rule(
        id=f"own/{name}", event=event, description="", programs=frozenset({program}), role=Role.PRIMARY, engine="",
        patterns=found, fields=(), object_id=None, attributes={}, severity=Severity.INFO, unless_other=False,
        revoked_by=frozenset(), metrics=(), examples=(), mark=MARK,
    )  # fmt: skip


def regex(text: str, mark: Mark = MARK) -> Pattern:
    return Pattern(text, True, mark)


def hit_lines(scan: Scan, data: bytes) -> list[tuple[bytes, tuple[int, ...]]]:
    return [(data[hit.start : hit.end], hit.rules) for hit in scan.hits]


def test_finds_the_lines_of_all_rules_in_the_order_of_the_file() -> None:
    data = b"one a.b\ntwo axb\nthree c a.b\n\nfour\n"
    scanner = Scanner([rule("c", "c"), rule("dot", "a.b"), rule("either", regex("f(our|ive)"), "two")], None)

    scan = scanner.scan(data)

    assert hit_lines(scan, data) == [(b"one a.b", (1,)), (b"two axb", (2,)), (b"three c a.b", (0, 1)), (b"four", (2,))]
    assert [hit.before for hit in scan.hits] == [0, 1, 2, 4]
    assert scan.lines == 5


def test_a_rule_hits_a_line_once_however_often_it_matches() -> None:
    scan = Scanner([rule("many", "a", "aa", regex("a+"))], None).scan(b"aaaa aaaa\naaa\n")

    assert [hit.rules for hit in scan.hits] == [(0,), (0,)]


def test_text_is_literal_and_a_regex_loses_its_anchors() -> None:
    scanner = Scanner([rule("literal", "^a$ [x]*"), rule("anchored", regex("^beg.*end$"))], None)

    scan = scanner.scan("b ^a$ [x]* ü\nheader: beg… end  \n".encode())

    assert [hit.rules for hit in scan.hits] == [(0,), (1,)]


@pytest.mark.parametrize("text", ["a[^x]*b", r"a\s+b", r"a\W+b", "a(?s:.*)b", "(?s)a.b", r"a\D+b", r"a[^]]b"])
def test_a_pattern_stays_inside_its_line(text: str) -> None:
    assert Scanner([rule("cross", regex(text))], None).scan(b"a\nb\n").hits == []


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"a", b"\x00\xff\xfe\n" * 3, b"x" * 300_000 + b"a\n", b'dockerd[1]: time="\n']
)
def test_takes_any_bytes(data: bytes) -> None:
    scan = Scanner([rule("a", "a")], None).scan(data)

    assert scan.lines == len(data.split(b"\n")) - (data[-1:] in {b"", b"\n"})
    assert len(scan.hits) == (b"a" in data.replace(b"time", b"") and 1)


def test_refuses_all_bad_patterns_at_once() -> None:
    bad = {
        "a(": "not RE2 syntax: missing )",
        "(?=a)b": "not RE2 syntax: invalid perl operator",
        r"(a)\1": "not RE2 syntax: invalid escape sequence",
        "a*": "matches empty text",
        "^$": "matches empty text",
        r"\b": "matches empty text",
        r"a\nb": "wants a newline",
        r"(?U)a+b": "refuses the regex",
    }
    rules = [rule(str(line), regex(text, Mark("own.yml", line, 5))) for line, text in enumerate(bad, 1)]

    with pytest.raises(RuleError) as raised:
        Scanner([*rules, rule("empty", ""), rule("good", "text")], None)

    places = [(mistake.path, mistake.line) for mistake in raised.value.mistakes]
    assert places == [*(("own.yml", line) for line in range(1, len(bad) + 1)), ("rules/own.yml", 3)]
    for mistake, complaint in zip(
        raised.value.mistakes, [*bad.values(), "an empty text is in every line"], strict=True
    ):
        assert complaint in mistake.what


def test_counts_lines_that_only_ignore_rules_know_without_hits() -> None:
    rules = [rule("noise", "garbage", event=""), rule("real", "exit"), rule("bare", regex("^other"), event="")]
    data = b"dockerd garbage\ngarbage\ndockerd garbage exit\ndockerd other\n"

    counted = Scanner(rules, None, count_ignored=True).scan(data)

    assert hit_lines(counted, data) == [(b"dockerd garbage exit", (0, 1)), (b"dockerd other", (2,))]
    assert (counted.ignored, counted.known_lines) == ({"own/noise": 2}, 1)
    assert counted.hits[0].before == 2
    assert [hit.rules for hit in Scanner(rules, None).scan(data).hits] == [(0,), (0,), (0, 1), (2,)]


def test_only_the_anchored_patterns_of_an_ignore_rule_make_hits() -> None:
    rules = [rule("noise", "garbage", regex("^panic"), event="")]
    data = b"dockerd garbage\ndockerd panic\ngarbage panic\n"

    counted = Scanner(rules, None, count_ignored=True).scan(data)

    assert hit_lines(counted, data) == [(b"dockerd panic", (0,)), (b"garbage panic", (0,))]
    assert (counted.ignored, counted.known_lines) == ({"own/noise": 1}, 1)


def test_noise_of_other_programs_is_counted_under_their_tag_only() -> None:
    rules = [rule("noise", "port 3", event="", program="kernel"), rule("any", "oops", event="", program="untagged")]
    lines = [
        b"Nov 23 18:12:57 vm kernel: [   12.345678] docker0: port 3 entered forwarding state",
        b"Nov 23 18:12:57 vm web[8]: kernel: docker0: port 3 entered forwarding state",
        b"2026-11-23T18:12:57+00:00 vm kernel: port 3",
        b"<6>1 2026-11-23T18:12:57Z vm kernel - - - docker0: port 3",
        b"port 3 of nobody",
        b"Nov 23 18:12:57 vm kernel: oops",
    ]
    data = b"\n".join(lines) + b"\n"

    scan = Scanner(rules, None, count_ignored=True).scan(data)

    assert hit_lines(scan, data) == [(lines[1], (0,)), (lines[4], (0,)), (lines[5], (1,))]
    assert (scan.ignored, scan.known_lines) == ({"own/noise": 3}, 2)


CATCH_ALL = replace(rule("catch-all", "level=error", event="daemon.error"), unless_other=True)


@pytest.mark.parametrize(
    ("other", "tag", "is_counted"),
    [
        (CATCH_ALL, "dockerd[4]", True),
        (CATCH_ALL, "web[4]", False),
        (rule("another", "level=error", program="registry"), "dockerd[4]", True),
        (rule("another", "level=error", program="registry"), "registry[4]", False),
        (rule("another", "level=error"), "dockerd[4]", False),
        (replace(CATCH_ALL, unless_other=False), "dockerd[4]", False),
        (replace(CATCH_ALL, event="container.start_failed"), "dockerd[4]", False),
        (replace(CATCH_ALL, event="api.error"), "dockerd[4]", False),
        (replace(CATCH_ALL, metrics=(MetricRule("counter", "errors_total", "Errors.", {}),)), "dockerd[4]", False),
        (replace(CATCH_ALL, programs=frozenset({"engine", "containerd"})), "dockerd[4]", False),
        (replace(CATCH_ALL, patterns=(regex("^.*level=error"),)), "dockerd[4]", False),
    ],
)  # fmt: skip
def test_noise_of_the_engine_is_counted_though_a_rule_that_makes_nothing_of_it_hits(
    other: Rule, tag: str, is_counted: bool
) -> None:
    rules = [rule("noise", "garbage", event=""), other, rule("real", "exit")]
    noise = f'Nov 23 18:12:57 vm {tag}: time="2026-11-23T18:12:57Z" level=error msg="docker garbage"'.encode()
    real = noise + b" exit"
    data = noise + b"\n" + real + b"\n"

    scan = Scanner(rules, None, count_ignored=True).scan(data)

    counts = {"own/noise": 1, other.id: 1} if other.unless_other else {"own/noise": 1}
    assert hit_lines(scan, data) == [*([] if is_counted else [(noise, (0, 1))]), (real, (0, 1, 2))]
    assert (scan.ignored, scan.known_lines) == ((counts, 1) if is_counted else ({}, 0))


def test_a_line_in_another_form_is_hit_as_if_it_were_logfmt() -> None:
    rules = [rule("noise", 'msg="so what"', event=""), rule("real", 'msg="ignoring event" container=')]
    lines = [
        b'vm dockerd[1]: {"container":"8dd3","level":"info","msg":"ignoring event"}',
        b'vm web[1]: {"container":"8dd3","level":"info","msg":"ignoring event"}',
        b"vm dockerd[1]: INFO[0001] ignoring event   container=8dd3",
        b"vm dockerd[1]: INFO[0001] so what",
        b'vm dockerd[1]: level=info msg="ignoring event" container=8dd3',
    ]
    data = b"\n".join(lines) + b"\n"

    scan = Scanner(rules, None, count_ignored=True).scan(data)

    assert hit_lines(scan, data) == [(lines[0], (1,)), (lines[2], (1,)), (lines[3], (0,)), (lines[4], (1,))]


# ── the cache ────────────────────────────────────────────────────────────────────────


def cached(folder: Path) -> Path:
    (path,) = folder.glob("*.hyperscan")
    return path


def test_keeps_the_compiled_database(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    first = Scanner([rule("a", "needle")], folder)
    written = cached(folder).stat()

    second = Scanner([rule("a", "needle")], folder)

    assert cached(folder).stat().st_mtime_ns == written.st_mtime_ns
    assert first.scan(b"a needle\n") == second.scan(b"a needle\n")
    assert len(second.scan(b"a needle\n").hits) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"x" * len(content), id="foreign"),
        pytest.param(lambda content: content[:-7], id="cut"),
        pytest.param(lambda content: content[:200] + b"\xff\x00\xff" + content[203:], id="damaged"),
    ],
)
def test_compiles_again_what_is_not_as_it_was_written(tmp_path: Path, spoil) -> None:
    Scanner([rule("a", "needle")], tmp_path)
    sound = cached(tmp_path).read_bytes()
    cached(tmp_path).write_bytes(spoil(sound))

    scanner = Scanner([rule("a", "needle")], tmp_path)

    assert len(scanner.scan(b"a needle\n").hits) == 1
    assert cached(tmp_path).read_bytes() == sound


def test_goes_without_a_cache_where_none_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    scanner = Scanner([rule("a", "needle")], tmp_path / "file" / "cache")

    assert len(scanner.scan(b"a needle\n").hits) == 1


def test_other_patterns_are_another_database(tmp_path: Path) -> None:
    Scanner([rule("a", "a.b")], tmp_path)
    Scanner([rule("a", regex("a.b"))], tmp_path)

    assert len(list(tmp_path.glob("*.hyperscan"))) == 2
    with pytest.raises(RuleError):
        Scanner([rule("a", regex("(?:a.b"))], tmp_path)


# ── the twin ─────────────────────────────────────────────────────────────────────────

ATOMS = st.sampled_from(
    ["a", "b", "ab", ".", "[^a]", r"\s", r"\W", "[ab]", r"\x00", "(?:a|b)", "(a)", r"\.", r"\Qa.\E", "(?i)B"]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "{0,2}"])
REGEXES = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=4).map(
    lambda pieces: "".join(atom + ("" if atom == "(?i)B" else repeat) for atom, repeat in pieces)
)
LINES = st.lists(st.binary(max_size=6) | st.text("ab. B\t", max_size=8).map(str.encode), max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.lists(REGEXES, min_size=1, max_size=4), st.booleans(), LINES)
def test_finds_what_re2_finds_line_by_line(texts: list[str], anchored: bool, lines: list[bytes]) -> None:
    assume(all(find_fault(regex(text)) is None for text in texts))
    wanted = [compile_regex(text) for text in texts]
    rules = [rule(str(n), regex(f"^{text}$" if anchored else text)) for n, text in enumerate(texts)]
    data = b"".join(line + b"\n" for line in lines)
    whole = data.split(b"\n")[:-1]

    scan = Scanner(rules, None).scan(data)

    expected = [(line, tuple(n for n, one in enumerate(wanted) if one.search(line))) for line in whole]
    assert hit_lines(scan, data) == [(line, numbers) for line, numbers in expected if numbers]
    assert [data.count(b"\n", 0, hit.start) for hit in scan.hits] == [hit.before for hit in scan.hits]


@given(st.integers(0, 9000), st.integers(0, 9000), st.integers(1, 100))
def test_counts_newlines_in_any_part(start: int, end: int, step: int) -> None:
    data = (b"x" * step + b"\n") * (9000 // step)

    assert count_lines(data, start, end) == data[start:end].count(b"\n")


# ── the engine's lines ───────────────────────────────────────────────────────────────

PAYLOAD = 'time="2026-11-23T18:12:57.728700494Z" level={} msg="x y"'


@pytest.mark.parametrize(
    ("line", "docker", "level"),
    [
        pytest.param("Nov 23 18:12:57 vm dockerd[4242]: " + PAYLOAD.format("info"), True, "info", id="traditional"),
        pytest.param("Nov  3 18:12:57 vm dockerd: " + PAYLOAD.format("error"), True, "error", id="no-pid"),
        pytest.param("<30>Nov  3 18:12:57 vm docker-current[7]: " + PAYLOAD.format("fatal"), True, "fatal", id="pri"),
        pytest.param("2026-11-23T18:12:57.7+01:00 vm dockerd[1]: " + PAYLOAD.format("debug"), True, "debug", id="iso"),
        pytest.param("<13>1 2026-11-23T18:12:57Z vm dockerd 25552 - -  " + PAYLOAD.format("warning"), True, "warning", id="rfc5424"),
        pytest.param("<13>1 2026-11-23T18:12:57Z vm dockerd 2 - [x y=\"z\"] " + PAYLOAD.format("panic"), True, "panic", id="rfc5424-data"),
        pytest.param("Nov 23 18:12:57 docker1 dockerd[4]: " + PAYLOAD.format("info"), True, "info", id="docker-in-the-host"),
        pytest.param("Nov 23 18:12:57 vm balenad[4]: " + PAYLOAD.format("info"), True, "info", id="tag-without-docker"),
        pytest.param("Nov 23 18:12:57 vm balenad[4]: panic: x", True, None, id="tag-without-docker-bare"),
        pytest.param("Nov 23 18:12:57 vm sh: " + PAYLOAD.format("info"), True, "info", id="wrapper"),
        pytest.param("Nov 23 18:12:57 vm sh: hello", False, None, id="shell"),
        pytest.param("Nov 23 18:12:57 vm sh: docker: not found", True, None, id="shell-says-docker"),
        pytest.param('Nov 23 18:12:57 vm dockerd[4]: time="2026-11-23T18:12:57Z" level=info msg=x', True, "info", id="seconds"),
        pytest.param('Nov 23 18:12:57 vm dockerd[4]: time="2026-11-23T18:12:57.1+02:00" level=info', True, "info", id="offset"),
        pytest.param("Nov 23 18:12:57 vm dockerd[4]: ...." + PAYLOAD.format("info"), True, "info", id="dots"),
        pytest.param('Nov 23 18:12:57 vm dockerd[4]: {"level":"info","msg":"x","time":"t"}', True, "info", id="json"),
        pytest.param('Nov 23 18:12:57 vm dockerd[4]: {"container":"8d","level":"error","msg":"x"}', True, "error", id="json-late"),
        pytest.param("Nov 23 18:12:57 vm dockerd[4]: " + PAYLOAD.format("loud"), True, None, id="no-such-level"),
        pytest.param("Nov 23 18:12:57 vm dockerd[4]: goroutine 1 [running]:", True, None, id="bare"),
        pytest.param("Nov 23 18:12:57 vm d642c9fb1c22[8433]: " + PAYLOAD.format("error"), False, None, id="container"),
        pytest.param("Nov 23 18:12:57 vm docker/web[8]: " + PAYLOAD.format("error"), True, None, id="container-named-in-the-tag"),
        pytest.param("Nov 23 18:12:57 vm web[8]: dockerd[1]: " + PAYLOAD.format("error"), True, None, id="forged-tag"),
        pytest.param("Nov 23 18:12:57 vm web: dockerd[1]: " + PAYLOAD.format("error"), True, None, id="forged-without-pid"),
        pytest.param("Nov 23 18:12:57 vm web[8]: Nov 23 18:12:57 vm dockerd[1]: " + PAYLOAD.format("error"), True, None, id="forged-line"),
        pytest.param("<13>1 2026-11-23T18:12:57Z vm web 8 - - dockerd[1]: " + PAYLOAD.format("error"), True, None, id="forged-rfc5424"),
        pytest.param("<13>1 2026-11-23T18:12:57Z vm web 8 - - dockerd 1 - - " + PAYLOAD.format("error"), True, None, id="forged-whole-rfc5424"),
        pytest.param("Nov 23 18:12:57 vm kernel: docker0: port 1", True, None, id="mentions-docker"),
        pytest.param("Nov 23 18:12:57 vm cron[1]: run", False, None, id="other"),
    ],
)  # fmt: skip
def test_counts_docker_lines_and_the_engines_levels(line: str, docker: bool, level: str | None) -> None:
    expected = {level: 1} if level else {}
    scanner = Scanner([], None)

    alone = scanner.scan(line.encode())
    again = scanner.scan((line + "\n" + line + "\n").encode())

    assert counts(alone) == (int(docker), expected)
    assert counts(again) == (2 * docker, dict.fromkeys(expected, 2))


HOSTS = st.sampled_from(["vm", "docker1", "a-long-host.example"])
TAGS = st.sampled_from(
    [
        "dockerd[1042]",
        "dockerd[7]",
        "docker",
        "sh",
        "balenad[3]",
        "web[8]",
        "web[8]: dockerd[1]",
        "docker/web[8]",
        "cron",
    ]
)
PAYLOADS = st.sampled_from(
    [PAYLOAD.format("info"), PAYLOAD.format("error"), PAYLOAD.format("x"), "docker", '{"level":"debug"}', ""]
)
LOG = st.lists(st.tuples(HOSTS, TAGS, PAYLOADS), max_size=30)


@settings(deadline=None, max_examples=50)
@given(LOG, LOG)
def test_what_was_seen_before_changes_no_count(
    tmp_path_factory: pytest.TempPathFactory, before: list[tuple[str, str, str]], lines: list[tuple[str, str, str]]
) -> None:
    cache = tmp_path_factory.getbasetemp()  # a new scanner for each line, and its patterns compiled once
    experienced = Scanner([], cache)
    experienced.scan(log_of(before))
    data = log_of(lines)
    one_by_one = [Scanner([], cache).scan(line + b"\n") for line in data.split(b"\n")[:-1]]

    scan = experienced.scan(data)

    assert counts(scan)[0] == sum(counts(alone)[0] for alone in one_by_one)
    assert counts(scan)[1] == sum((counts(alone)[1] for alone in one_by_one), Counter())


def counts(scan: Scan) -> tuple[int, Counter[str]]:
    """Docker lines and levels where no engine has a tag of its own, so that a shell's lines are the engine's."""
    levels = Counter(scan.levels)
    levels.update(each.level for each in scan.doubtful if each.level is not None)
    return scan.docker_lines + sum(not each.says_docker for each in scan.doubtful), levels


def log_of(lines: list[tuple[str, str, str]]) -> bytes:
    return "".join(f"Nov 23 18:12:57 {host} {tag}: {payload}\n" for host, tag, payload in lines).encode()
