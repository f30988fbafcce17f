"""Templates: what is filled in, what makes a value absent, and what is refused at load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.matching import templates

FIELDS = {
    "container": "8dd3",
    "Action": "exec_start: /bin/sh -c true",
    "status": "0x89",
    "empty": "",
    "Actor.Attributes.name": "web",
    "word": "No",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("constant", "constant", id="constant"),
        pytest.param("", "", id="empty"),
        pytest.param("{container}", "8dd3", id="bare-field"),
        pytest.param("{ container }", "8dd3", id="blanks-inside"),
        pytest.param("{Actor.Attributes.name}", "web", id="path"),
        pytest.param("container.{Action|before ':'}", "container.exec_start", id="before"),
        pytest.param("{Action|after ':'}", "/bin/sh -c true", id="after-strips"),
        pytest.param('{Action|after "/bin/"|before " "}', "sh", id="chain"),
        pytest.param("{container|before ':'}", "8dd3", id="before-without-separator-is-all"),
        pytest.param("{container|after ':'}", None, id="after-without-separator-is-absent"),
        pytest.param("{status|hex}", "137", id="hex"),
        pytest.param("{word|hex}", None, id="hex-of-no-number"),
        pytest.param("{word|lower}", "no", id="lower"),
        pytest.param("{Action|before '}'|lower}", "exec_start: /bin/sh -c true", id="brace-in-quotes"),
        pytest.param("{Action|before '|'}", "exec_start: /bin/sh -c true", id="pipe-in-quotes"),
        pytest.param("{absent}", None, id="absent"),
        pytest.param("{empty}", None, id="empty-is-absent"),
        pytest.param("a{absent}b", None, id="absent-takes-all-with-it"),
        pytest.param("{container}/{word}", "8dd3/No", id="several"),
    ],
)
def test_fills_in_fields(text: str, expected: str | None) -> None:
    assert templates.parse(text).render(FIELDS.get) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "brace without its other half"),
        ("a}", "brace without its other half"),
        ("{a{b}}", "brace without its other half"),
        ("{}", "placeholder without a field"),
        ("{|lower}", "placeholder without a field"),
        ("{a|upper}", "unknown filter 'upper': there are"),
        ("{a|}", "unknown filter ''"),
        ("{a|before}", "filter 'before' needs a text in quotes"),
        ("{a|before ''}", "unknown filter"),
        ("{a|hex 'x'}", "filter 'hex' takes no text"),
    ],
)
def test_refuses_a_mistake_with_its_cure(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("{", r"\{")):
        templates.parse(text)


def test_knows_its_fields_and_its_simple_forms() -> None:
    mixed = templates.parse("{Type}.{Action|before ':'}")

    assert mixed.fields == ("Type", "Action")
    assert (mixed.plain, mixed.constant) == (None, None)
    assert templates.parse("{container}").plain == "container"
    assert templates.parse("{container|lower}").plain is None
    assert templates.parse("text").constant == "text"


@given(st.text(alphabet="ab{}|':\" hexlower"))
def test_raises_nothing_but_value_error(text: str) -> None:
    try:
        template = templates.parse(text)
    except ValueError:
        return

    assert isinstance(template.render({"a": "b"}.get), str | None)
