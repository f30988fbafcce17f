"""The committed JSON Schema is the one the models make."""

import json
from collections.abc import Callable

import pytest

from logwatch.cli.rules import SCHEMAS
from logwatch.rulefiles.files import rules_folder
from logwatch.rulefiles.schema import EventRule, json_schema


@pytest.mark.parametrize(("kind", "make"), SCHEMAS.items(), ids=SCHEMAS)
def test_the_committed_schema_is_up_to_date(kind: str, make: Callable[[], str]) -> None:
    committed = (rules_folder() / "schemas" / f"{kind}.schema.json").read_text()

    assert committed == make(), "run `make schema`"


def test_the_schema_knows_every_key_and_refuses_others() -> None:
    rule = json.loads(json_schema())["$defs"]["EventRule"]

    assert set(rule["properties"]) == set(EventRule.model_fields)
    assert rule["additionalProperties"] is False
    assert rule["required"] == ["name", "match"]


def test_one_item_may_stand_for_a_list() -> None:
    match = json.loads(json_schema())["$defs"]["EventRule"]["properties"]["match"]

    assert [option.get("type") for option in match["anyOf"]] == [None, "array"]
