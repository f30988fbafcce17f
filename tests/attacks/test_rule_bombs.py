"""Rule files that are built to fill the memory or never to end: `check` refuses them, with their place, or reads them."""

from pathlib import Path

import pytest
from commandline import spawn


def check(folder: Path, content: str, *, address_space: int = 2 << 30) -> tuple[int, str]:
    """Check one file of rules, in bounded memory."""
    path = folder / "rules.yml"
    path.write_text(content)
    done = spawn("check", "--no-shipped-rules", "--rules", str(path), prefix=("prlimit", f"--as={address_space}"))
    assert "Traceback" not in done.err
    return done.status, done.out + done.err


def alert(expression: str) -> str:
    return f"groups:\n- name: g\n  rules:\n  - alert: A\n    labels: {{severity: info}}\n    expr: '{expression}'\n"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + depth)}: &{chr(98 + depth)} [{', '.join([f'*{chr(97 + depth)}'] * 9)}]\n" for depth in range(8)
)
REFUSED = {
    "aliases of aliases": BOMB,
    "an alias of itself": "events: &a\n- *a\n",
    "depth": "events: " + "[" * 20_000 + "]" * 20_000,
    "a range of a hundred years": alert("increase(docker_events_total[100y]) > 0"),
    "subqueries of subqueries": alert("max_over_time(max_over_time(max_over_time(docker_events_total[30d:1s])[30d:1s])[30d:1s]) > 0"),
}  # fmt: skip


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_its_place(content: str, tmp_path: Path) -> None:
    status, said = check(tmp_path, content)

    assert status == 1
    assert f"{tmp_path / 'rules.yml'}:" in said


def test_five_thousand_operators_end(tmp_path: Path) -> None:
    status, said = check(tmp_path, alert("docker_events_total" + " + 1" * 5_000))

    assert status in {0, 1}
    assert said


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "((a*)*)*c"])
def test_a_pattern_that_backtracks_elsewhere_is_linear_here(pattern: str, tmp_path: Path) -> None:
    line = "Nov 23 18:12:57 vm app[1]: " + "a" * 8_000
    content = (
        "events:\n- event: app.x\n  name: x\n  description: Something.\n  program: app\n"
        f"  match: '{pattern}'\n  examples:\n  - {{line: '{line}', event: null}}\n"
        "  - {line: 'Nov 23 18:12:57 vm app[1]: abxc', event: {}}\n"
    )

    assert check(tmp_path, content)[0] in {0, 1}
