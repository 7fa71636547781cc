"""Banks as files over REST: what is taken, changed or refused is said, and what was said is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sitting.domain.user import Role
from sitting.kit.canonical import sha256_hex
from sitting.storage.tables import content_media, question_versions
from tests.support.rest import Caller, Rest, refused, said
from tests.support.storage import rows

GIFT = """
::capital::Which is the chief city of Norway?{=Oslo ~Bergen#No. ~Tromsø}

Match.{=a -> b =c -> d}

::sum::Two plus two?{#4 =%50%5}
"""
TOLD = {"skill": "Geography", "difficulty": "easy"}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def send(caller: Caller, text: str | bytes, format_: str = "gift", **query: Any) -> Any:
    body = text.encode() if isinstance(text, str) else text
    return await caller.client.post(
        "/api/v1/questions/import", params={"format": format_, **query}, content=body, headers=caller.headers
    )


async def take(caller: Caller, text: str | bytes, format_: str = "gift", **query: Any) -> dict[str, Any]:
    report: dict[str, Any] = said(await send(caller, text, format_, **(TOLD | query)))
    return report


async def export(caller: Caller, format_: str, **query: Any) -> str:
    response = await caller.get("/questions/export", format=format_, **query)
    assert response.status_code == 200, response.text
    return response.text


async def bank(caller: Caller) -> dict[str, dict[str, Any]]:
    items = said(await caller.get("/questions", limit=200))["items"]
    return {item["slug"] or item["question_id"]: item for item in items}


def outcomes(report: dict[str, Any]) -> list[str]:
    return [item["outcome"] for item in report["items"]]


async def test_import_creates_refuses_and_says_where(author: Caller) -> None:
    report = await take(author, GIFT)
    assert report["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "refused": 1}
    assert outcomes(report) == ["created", "refused", "created"]
    (reason,) = report["items"][1]["reasons"]
    assert (reason["line"], reason["column"]) == (4, 8)
    assert "matching" in reason["message"]
    stored = await bank(author)
    assert set(stored) == {"capital", "sum"}
    assert stored["capital"]["options"][1]["feedback"] == "No."
    assert stored["sum"]["numbers"][1] == {"value": "5", "tolerance": "0", "credit": 0.5}
    assert (stored["sum"]["skill"], stored["sum"]["difficulty"]) == ("Geography", "easy")


async def test_dry_run_says_the_same_and_stores_nothing(rest: Rest, author: Caller) -> None:
    foreseen = await take(author, GIFT, dry_run=True)
    assert foreseen["dry_run"] is True
    assert await rows(rest.storage, question_versions) == []
    done = await take(author, GIFT)
    assert outcomes(foreseen) == outcomes(done)
    assert [item["question_id"] for item in foreseen["items"]] == [None, None, None]


async def test_second_import_changes_nothing_and_an_edited_one_makes_a_version(author: Caller) -> None:
    await take(author, GIFT)
    before = await bank(author)
    assert outcomes(await take(author, GIFT)) == ["unchanged", "refused", "unchanged"]
    report = await take(author, GIFT.replace("~Bergen", "~Trondheim"))
    assert outcomes(report) == ["updated", "refused", "unchanged"]
    assert report["items"][0]["version"] == 2
    after = await bank(author)
    assert after["sum"] == before["sum"]
    kept = {option["text"]: option["id"] for option in before["capital"]["options"]}
    assert [option["id"] == kept.get(option["text"]) for option in after["capital"]["options"]] == [True, False, True]


@pytest.mark.parametrize("format_", ["json", "csv", "gift"])
async def test_exported_bank_comes_back_unchanged_here_and_equal_elsewhere(author: Caller, format_: str) -> None:
    await take(author, GIFT)
    await take(author, "// [tag:x]\n::t::[markdown]**True**?{F#no#yes####because}\n\n::m::M?{~%50%a ~%50%b ~%-50%c}")
    text = await export(author, format_)
    assert set(outcomes(await take(author, text, format_))) == {"unchanged"}
    before = await bank(author)
    renamed = text.replace("q_", "q_copy").replace("capital", "kapital").replace("sum", "summe")
    renamed = renamed.replace("::t::", "::t2::").replace("::m::", "::m2::")
    renamed = renamed.replace('"slug": "t"', '"slug": "t2"').replace('"slug": "m"', '"slug": "m2"')
    renamed = renamed.replace(",t,true_false", ",t2,true_false").replace(",m,multiple", ",m2,multiple")
    report = await take(author, renamed, format_)
    assert set(outcomes(report)) == {"created"}, report
    after = await bank(author)
    for old, new in (("capital", "kapital"), ("sum", "summe"), ("t", "t2"), ("m", "m2")):
        same = {name for name in before[old] if name not in ("question_id", "slug", "options")}
        assert {name: after[new][name] for name in same} == {name: before[old][name] for name in same}
        for one, other in zip(before[old]["options"], after[new]["options"], strict=True):
            assert {**one, "id": ""} == {**other, "id": ""}


async def test_json_keeps_ids_of_questions_and_options(author: Caller) -> None:
    options = [{"id": "o_right", "text": "1", "correct": True}, {"id": "o_wrong", "text": "2"}]
    question = {"question_id": "q_moved", "slug": "moved", "text": "One?", "options": options}
    report = await take(author, json.dumps([question]), "json")
    assert report["items"][0]["question_id"] == "q_moved"
    (stored,) = (await bank(author)).values()
    assert [option["id"] for option in stored["options"]] == ["o_right", "o_wrong"]


async def test_identities_that_contradict_each_other_or_the_archive_are_refused(author: Caller) -> None:
    await take(author, GIFT)
    stored = await bank(author)
    options = [{"text": "1", "correct": True}, {"text": "2"}]
    crossed = {"question_id": stored["sum"]["question_id"], "slug": "capital", "text": "One?", "options": options}
    twice = {"slug": "new", "text": "One?", "options": options}
    assert (await author.delete(f"/questions/{stored['sum']['question_id']}")).status_code == 204
    archived = {"slug": "sum", "text": "One?", "options": options}
    report = await take(author, json.dumps([crossed, twice, twice, archived]), "json")
    assert outcomes(report) == ["refused", "created", "refused", "refused"]
    reasons = [item["reasons"][0]["message"] if item["reasons"] else "" for item in report["items"]]
    assert "belongs to another question" in reasons[0]
    assert "stands in this file already" in reasons[2]
    assert "archived; restore it first" in reasons[3]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[{"text": "a"},\n {"text": "b",}]', (2, 15), "this is not JSON"),
        ('{"questions": [{"text": 7}]}', (1, 16), "Expected `str`, got `int` - at `text`"),
        ('[{"text": "a", "correctt": true}]', (1, 2), "correctt"),
        ('[{"text": "a", "text": "b"}]', (1, 2), "stands there twice"),
        ('{"bank": []}', (1, 12), '"questions"'),
        ("[" * 100_000, (1, 2), "nested too deeply"),
        ('[{"text": "\\ud800", "type": "true_false", "correct": true}]', (1, 2), "lone surrogates"),
        ('[{"text": "a", "numbers": [{"value": "1", "credit": 1.5}], "type": "numeric"}]', (1, 2), "a credit"),
        ("7", (1, 1), "{ is missing"),
    ],
)
async def test_json_that_cannot_be_taken_is_refused_at_its_place(
    author: Caller, text: str, place: tuple[int, int], message: str
) -> None:
    report = await take(author, text, "json")
    reason = report["items"][-1]["reasons"][0]
    assert message in reason["message"]
    assert (reason["line"], reason["column"]) == place


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("slug,type\na,b", (1, 1), "text"),
        ("text,text\na,b", (1, 1), "twice"),
        ("text,type,correct,option_1,option_2\nA?,single_choice,7,a,b", (2, 3), "correct must be"),
        ("text,difficulty\n\n\nA?,simple", (4, 2), "simple"),
        ('text\n"A?', (2, 1), "from here on"),
        ("text,correct\nA?,1,a", (2, 1), "more cells"),
    ],
)
async def test_tables_that_cannot_be_taken_are_refused_at_their_place(
    author: Caller, text: str, place: tuple[int, int], message: str
) -> None:
    report = await take(author, text, "csv")
    reason = report["items"][-1]["reasons"][0]
    assert message in reason["message"]
    assert (reason["line"], reason["column"]) == place


async def test_table_of_a_spreadsheet_is_taken_and_what_is_not_known_is_said(author: Caller) -> None:
    table = "Text;Type;Option_1;Option_2;Correct;Colour\r\nA?;single_choice;yes;no;1;red\r\n;;;;;\r\n"
    report = await take(author, table.encode("utf-8-sig"), "csv")
    assert outcomes(report) == ["created"]
    assert report["remarks"][0] == {
        "message": "the column 'colour' is not known and was not read",
        "line": 1,
        "column": 6,
    }


async def test_exported_cells_run_in_no_spreadsheet(author: Caller) -> None:
    await take(author, "::x::[markdown]\\=cmd(){=a ~b}")
    assert "'=cmd()" in await export(author, "csv")


async def test_imported_questions_keep_their_images_and_those_without_are_refused_alone(
    rest: Rest, author: Caller
) -> None:
    png = b"\x89PNG\r\n\x1a\n..."
    headers = {**author.headers, "Content-Type": "image/png"}
    said(await author.client.post("/api/v1/media", content=png, headers=headers), 201)
    there, missing = sha256_hex(png), sha256_hex(b"missing")
    text = f"[markdown]![a](media\\:{there}){{T}}\n\n[markdown]![b](media\\:{missing}){{T}}"
    for dry_run in (True, False):
        report = await take(author, text, dry_run=dry_run)
        assert outcomes(report) == ["created", "refused"]
        assert report["items"][1]["reasons"][0]["message"] == f"the image media:{missing} is not stored"
    assert [row.sha256 for row in await rows(rest.storage, content_media)] == [there]


async def test_gift_export_names_what_it_cannot_say(author: Caller) -> None:
    units = [{"text": "g?", "type": "numeric", "numbers": [{"value": "9.81"}], "unit": "m/s²", "slug": "g"}]
    pattern = [{"text": "p?", "type": "short_text", "accepted": [{"text": "a+", "match": "pattern"}], "slug": "p"}]
    assert outcomes(await take(author, json.dumps(units + pattern), "json")) == ["created", "created"]
    report = said(await author.get("/questions/export", format="gift", report=True))
    by_name = {item["name"]: item for item in report["items"]}
    assert (by_name["g"]["outcome"], by_name["p"]["outcome"]) == ("written", "left_out")
    assert "m/s²" in by_name["g"]["changes"][0]["message"]
    assert by_name["p"]["reasons"]
    response = await author.get("/questions/export", format="gift")
    assert (response.headers["sitting-left-out"], response.headers["sitting-changed"]) == ("1", "1")
    assert "p?" not in response.text


async def test_export_is_narrowed_like_the_list(author: Caller) -> None:
    await take(author, GIFT)
    found = json.loads(await export(author, "json", type="numeric"))
    assert [question["slug"] for question in found["questions"]] == ["sum"]


async def test_files_beyond_the_limits_are_refused(author: Caller) -> None:
    refused(await send(author, b"x" * (8 * 1024 * 1024 + 1)), 413, "invalid_message")
    report = await take(author, "a{T}\n\n" * 5001)
    assert (report["counts"]["created"], report["counts"]["refused"]) == (0, 1)
    refused(await send(author, "", "xml"), 422, "invalid_message")


async def test_reviewer_exports_and_imports_nothing(rest: Rest, author: Caller) -> None:
    await take(author, GIFT)
    reviewer = await rest.person(Role.REVIEWER)
    assert "Oslo" in await export(reviewer, "gift")
    refused(await send(reviewer, GIFT), 403, "not_allowed")
