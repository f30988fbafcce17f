"""What a log holds never reaches a terminal raw: no command, table or message lets it move the cursor or turn text around."""

import logging
import unicodedata
from io import StringIO
from pathlib import Path

import pytest
from commandline import call
from rich.console import Console
from rich.table import Table

from logwatch.cli.output import alert_as_row, as_row, cell
from logwatch.cli.run import Lines
from logwatch.model import Alert, Event, Severity
from logwatch.notation import one_line, quoted

HOSTILE = {
    "C0": "a\x1b[2Jb",
    "return": "a\rb",
    "newline": "a\nb",
    "C1": "a\x9b2Jb",
    "next line": "a\x85b",
    "right to left": "a\u202eb",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "mark": "a\ufeffb",
    "tags": "a\U000e0041b",
    "half": "a\udc9bb",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def is_plain(text: str) -> bool:
    """Only what a terminal prints, on one line."""
    return all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text)


@hostile
def test_every_writer_escapes_it(text: str) -> None:
    assert is_plain(one_line(text))
    assert is_plain(quoted(text))
    assert is_plain(cell(text))


@hostile
def test_a_table_of_events_and_alerts_escapes_it(text: str) -> None:
    event = Event(
        time_ns=0, event=f"x.{text}", id=text, name=text, host="", attributes={"a": text, text: "b"},
        severity=Severity.INFO, rule="x/y", path="p", offset=0, line=None,
    )  # fmt: skip
    alert = Alert(
        labels={"alertname": f"A{text}", "name": text, text: "b"}, annotations={"summary": text, "evidence": text},
        starts_ns=0, ends_ns=None, state="firing", value=1.0, rule="x/y", generator_url="", updated_ns=0,
    )  # fmt: skip

    assert is_plain(as_row(event))
    assert all(is_plain(line) for line in alert_as_row(alert).split("\n"))


@hostile
def test_a_cell_of_a_table_has_no_markup(text: str) -> None:
    table = Table(box=None)
    table.add_row(cell(f"[red]{text}[/red]"))
    out = StringIO()
    Console(file=out, width=200, force_terminal=True).print(table)

    assert "[red]" in out.getvalue()
    assert "\x1b[31m" not in out.getvalue()


@hostile
@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_messages_on_stderr_escape_it(text: str, form: str) -> None:
    record = logging.LogRecord("logwatch", logging.INFO, "", 0, "container %s", (text,), None)

    assert is_plain(Lines(form).format(record))  # type: ignore[arg-type]


def test_mistakes_in_files_escape_what_they_quote(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text('events:\n- "a\\u202e\\u009b": 1\n')
    done = call("check", "--no-shipped-rules", "--rules", str(path))

    assert done.status == 1
    assert "a\\u202e\\x9b" in done.out
    assert all(is_plain(line) for line in done.out.split("\n"))
