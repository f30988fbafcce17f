"""Secrets: masked wherever a key tells them, and nothing else is touched."""

import re
import sys
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.matching.redaction import Masker


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Env=[PATH=/bin DB_PASSWORD=two words A=b]", "Env=[PATH=/bin DB_PASSWORD=*** A=b]", id="env-with-blanks"),
        pytest.param("Env=[DB_PASSWORD=hunter2]", "Env=[DB_PASSWORD=***]", id="env-alone"),
        pytest.param("Env:[AWS_SECRET_ACCESS_KEY=wJalr/x+y=, A=b], Cmd", "Env:[AWS_SECRET_ACCESS_KEY=***, A=b], Cmd", id="env-with-commas"),
        pytest.param('{"password":"hunter2","user":"x"}', '{"password":"***","user":"x"}', id="json"),
        pytest.param('{"Env":["API_TOKEN=abc","A=b"]}', '{"Env":["API_TOKEN=***","A=b"]}', id="json-env"),
        pytest.param(r'{\"secret\":\"hun ter\",\"a\":1}', r'{\"secret\":\"***\",\"a\":1}', id="json-in-a-string"),
        pytest.param('user=x password=hunter2 a=b', "user=x password=*** a=b", id="logfmt"),
        pytest.param('password="two \\" words" a=b', 'password="***" a=b', id="logfmt-quoted"),
        pytest.param("run --db-password=hunter2 --name web", "run --db-password=*** --name web", id="flag"),
        pytest.param("login --password hunter2 -u x", "login --password *** -u x", id="flag-with-blank"),
        pytest.param("https://user:hunter2@registry.example/v2/", "https://user:***@registry.example/v2/", id="url"),
        pytest.param("GET /x?access_token=abc&n=1", "GET /x?access_token=***&n=1", id="query"),
        pytest.param("Authorization: Bearer abc.def", "Authorization: ***", id="header"),
        pytest.param("X-Registry-Auth: eyJ1c2Vy", "X-Registry-Auth: ***", id="registry-header"),
        pytest.param("map[Password:hunter2 User:x]", "map[Password:*** User:x]", id="go-map"),
        pytest.param("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----", id="pem"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----***", id="pem-cut"),
        pytest.param("PASSWORD=a Secret=b", "PASSWORD=*** Secret=***", id="any-case"),
        pytest.param("to\u212aen=a pa\u017f\u017fword=b", "to\u212aen=*** pa\u017f\u017fword=***", id="letters-that-are-another-case"),
        pytest.param('password="cut off', 'password="***', id="cut-in-the-quotes"),
    ],
)  # fmt: skip
def test_masks_what_a_key_tells_is_secret(text: str, expected: str) -> None:
    assert Masker().mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "137",
        "8dd3f0c1a2b4",
        "sha256:4044a5143950",
        "registry.example:5000/web:1.2",
        "https://registry.example:5000/v2/",
        "unauthorized: authentication required",
        "invalid token: it has expired",
        "error getting secret: not found",
        "PWD=/root HOME=/root",
        "exec_start: /bin/sh -c true",
        "tokenizer is slow",
    ],
)
def test_leaves_everything_else_alone(text: str) -> None:
    assert Masker().mask(text) == text


def test_takes_the_words_it_is_given() -> None:
    masker = Masker(["pin"])

    assert masker.mask("PIN=1234 password=x") == "PIN=*** password=x"
    assert Masker(["MotDePasse", "Schlüssel"]).mask("motdepasse=x SCHLÜSSEL=y") == "motdepasse=*** SCHLÜSSEL=***"
    assert (masker.is_secret("door-pin"), masker.is_secret("password")) == (True, False)


def test_without_words_only_the_shape_of_a_value_tells() -> None:
    assert Masker([]).mask("password=x https://u:p@h/") == "password=x https://u:***@h/"


@given(st.text(alphabet='abP=:"\\[]{} \n', max_size=30).map(lambda text: "password" + text))
def test_never_raises_and_is_stable(text: str) -> None:
    masker = Masker()
    masked = masker.mask(text)

    assert masker.mask(text) == masked


@given(
    st.text(alphabet="abcdefghij0123456789", min_size=8, max_size=20),
    st.sampled_from(["DB_PASSWORD={}", '"api_key": "{}"', "Env=[A=b X_TOKEN={}]"]),
)
def test_no_secret_is_left(secret: str, form: str) -> None:
    assert secret not in Masker().mask(form.format(secret))


def test_finds_its_words_in_every_case_that_a_regex_does() -> None:
    masker = Masker(["secrety-kind"])
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]))
    cases = {letter: set(re.findall(letter, every, re.IGNORECASE)) for letter in "secretykind"}
    spelled = ["secrety-kind".replace(letter, case) for letter, others in cases.items() for case in others]

    assert [text for text in spelled if masker.mask(f"{text}=x") != f"{text}=***"] == []
    assert len(spelled) > 2 * len(cases)


class Lowered(str):
    """A text that counts its copies in lower case, by which words are looked for without a regex."""

    __slots__ = ()
    copies: ClassVar = [0]

    def lower(self) -> str:
        self.copies[0] += 1
        return super().lower()


@pytest.mark.parametrize("text", ["x" * 400 + ": 1", "\N{WHALE}" + "x" * 400 + ": 1"], ids=["ascii", "any letters"])
def test_takes_no_slower_search_for_letters_beyond_ascii(text: str) -> None:
    Lowered.copies[0] = 0

    assert Masker().mask(Lowered(text)) == text
    assert Lowered.copies == [1]
