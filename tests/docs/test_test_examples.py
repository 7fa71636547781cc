"""What docs/tests.md shows can be sent: each example is a draft that REST takes, and no setting is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sitting.api.draft import Draft, DrawBody, SectionBody
from sitting.domain.user import Role
from tests.support.rest import Rest, said

PAGE = (Path(__file__).parents[2] / "docs" / "tests.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
MUST_BE_NAMED = {*Draft.model_fields, *SectionBody.model_fields, *DrawBody.model_fields}


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_example_is_taken_as_a_draft_and_every_value_comes_back(rest: Rest) -> None:
    author = await rest.person(Role.AUTHOR)
    assert len(EXAMPLES) >= 10
    for example in map(json.loads, EXAMPLES):
        draft = said(await author.post("/tests", example), 201)["draft"]
        for name, value in example.items():
            if name not in ("sections", "skills", "opens_at", "closes_at"):
                assert draft[name] == value


def test_every_setting_is_explained() -> None:
    assert MUST_BE_NAMED - set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", PAGE) + EXAMPLES))) == set()


def test_table_of_settings_is_whole() -> None:
    table = PAGE[PAGE.index("## All settings") :]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))) == set(
        Draft.model_fields
    )
