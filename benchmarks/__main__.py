"""Print, from one run, how long logwatch takes in ratios to grep and mtail.

    python -m benchmarks [--lines N] [--rounds N] [CACHE_DIR]

The corpus (see corpus.py) is made once and kept in CACHE_DIR, by default benchmarks/corpus.
Budgets are ratios, so that they hold on any machine; a busy one is met by taking turns and by
the best of several rounds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import corpus, rules
from benchmarks.measure import Figure, Work, command, side_by_side

HERE = Path(__file__).parent
LOGWATCH = Path(sys.executable).with_name("logwatch")
HEAD = 1_000
EVENT_LINES = 200_000
FEW, MANY = 10, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("cache", nargs="?", type=Path, default=HERE / "corpus")
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = _files(arguments.cache, arguments.lines)
    with tempfile.TemporaryDirectory() as folder:
        figures = side_by_side(_works(files, Path(folder)), arguments.rounds)
    _report(figures, arguments.lines)


def _files(cache: Path, lines: int) -> dict[str, Path]:
    whole = cache / f"messages-{lines}"
    corpus.write(whole, lines)
    head, matched = cache / "head", cache / f"matched-{EVENT_LINES}"
    with whole.open("rb") as file:
        head.write_bytes(b"".join(file.readline() for _ in range(HEAD)))
    corpus.write_matched(matched, EVENT_LINES)
    return {"whole": whole, "head": head, "matched": matched}


def _works(files: dict[str, Path], folder: Path) -> dict[str, Work]:
    for count in (FEW, MANY):
        rules.write(folder / f"rules{count}.yml", count)

    def replay(log: str, *options: str | Path) -> Work:
        return command([LOGWATCH, "replay", "--metrics", *options, files[log]])

    def own(count: int) -> tuple[str | Path, ...]:
        return ("--no-shipped-rules", "--rules", folder / f"rules{count}.yml")

    return {
        "grep": command(["grep", "-c", "docker", files["whole"]]),
        "replay": replay("whole"),
        "replay head": replay("head"),
        "mtail": command(["mtail", "--one_shot", "--progs", HERE / "mtail", "--logs", files["whole"], "--logtostderr"]),
        "events": replay("matched", *own(FEW)),
        "few": replay("whole", *own(FEW)),
        "few head": replay("head", *own(FEW)),
        "many": replay("whole", *own(MANY)),
        "many head": replay("head", *own(MANY)),
    }


# ── what is said about it ────────────────────────────────────────────────────────────


def _report(figures: dict[str, Figure | None], lines: int) -> None:
    for name, figure in figures.items():
        print(f"{name:12} {figure or '       - (not measured)'}")
    print()
    replay = _less(figures["replay"], figures["replay head"])
    _ratio(f"replay of {lines:,} lines / grep -c docker", replay, _best(figures["grep"]), "≤ 5")
    _ratio("mtail with 5 patterns / replay", _best(figures["mtail"]), replay, "≥ 10")
    _ratio(
        f"{MANY} rules / {FEW} rules",
        _less(figures["many"], figures["many head"]),
        _less(figures["few"], figures["few head"]),
        "≤ 1.5",
    )
    events = _less(figures["events"], figures["few head"])
    rate = "not measured" if events is None else f"{EVENT_LINES / events:,.0f}"
    print(f"{'events/s, every line a matched docker line':50} {rate:>12}   budget ≥ 100,000")


def _best(figure: Figure | None) -> float | None:
    return figure and figure.best


def _less(whole: Figure | None, head: Figure | None) -> float | None:
    """Seconds of the work alone: without starting, which the first lines stand for."""
    return None if whole is None or head is None else max(whole.best - head.best, 1e-3)


def _ratio(what: str, above: float | None, below: float | None, budget: str) -> None:
    ratio = "not measured" if above is None or below is None else f"{above / below:.2f}"
    print(f"{what:50} {ratio:>12}   budget {budget}")


if __name__ == "__main__":
    main()
