"""What the pages on rules show besides drafts and scores: questions that are taken, requests of staff, links."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sitting.api.invigilation import ClockState, Extension, Reason
from sitting.domain.question import QuestionType, TextMatch
from sitting.domain.user import Role
from tests.support.rest import Rest, said

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Of the headings, as they are made of them: small letters, hyphens for spaces, no punctuation."""
    plain = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_within_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(
        r"\]\(([^)\s]*)\)", re.sub(r"```.*?```|`[^`\n]+`", "", page.read_text("utf-8"), flags=re.DOTALL)
    ):
        if ":" not in target:
            name, _, anchor = target.partition("#")
            other = (page.parent / name).resolve() if name else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_questions_in_json_are_of_every_type_and_taken_as_they_stand(rest: Rest) -> None:
    [text] = [block for block in blocks("bank.md", "json") if block.startswith('[{"slug"')]
    shown: list[dict[str, Any]] = json.loads(text)
    assert {question["type"] for question in shown} == set(QuestionType)
    accepted = [each.get("match", "exact") for question in shown for each in question.get("accepted", ())]
    assert set(accepted) == set(TextMatch)
    author = await rest.person(Role.AUTHOR)
    answer = await author.client.post("/api/v1/questions/import?format=json", content=text, headers=author.headers)
    report = said(answer)
    assert (report["counts"]["created"], report["counts"]["refused"]) == (len(shown), 0)
    assert [item["changes"] + item["reasons"] for item in report["items"]] == [[]] * len(shown)


def test_requests_of_staff_are_taken_and_the_clock_is_whole() -> None:
    requests = re.findall(
        r"^POST /api/v1/assessments/71/(\w+) *(.*)$", "".join(blocks("time.md", "text")), re.MULTILINE
    )
    assert {what for what, _ in requests} == {"extend", "pause", "unpause", "end", "void"}
    for what, body in requests:
        if what != "unpause":
            (Extension if what == "extend" else Reason).model_validate_json(body)
    [clock] = blocks("time.md", "json")
    assert set(json.loads(clock)) == {field.name for field in fields(ClockState)}
