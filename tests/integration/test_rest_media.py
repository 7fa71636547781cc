"""Images of questions over REST: stored once, and shown to whoever may see them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sitting.domain.user import Role
from sitting.kit.canonical import sha256_hex
from sitting.usecases.store_media import MAX_MEDIA_BYTES
from tests.support.builders import begin, invite
from tests.support.rest import Caller, Rest, refused, said

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
JPEG = b"\xff\xd8\xff\xe0" + b"picture"
IMAGES = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/gif": b"GIF89a" + b"picture",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


async def upload(caller: Caller, body: bytes = PNG, content_type: str = "image/png") -> httpx2.Response:
    headers = {**caller.headers, "Content-Type": content_type}
    return await caller.client.post("/api/v1/media", content=body, headers=headers)


async def add(author: Caller, **changes: Any) -> dict[str, Any]:
    body = {
        "skill": "Art",
        "difficulty": "easy",
        "text": "Who painted this?",
        "options": [{"text": "A", "correct": True}, {"text": "B", "correct": False}],
    }
    made: dict[str, Any] = said(await author.post("/questions", {**body, **changes}), 201)
    return made


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


@pytest.mark.parametrize("content_type", IMAGES)
async def test_stored_image_comes_back_as_it_was(author: Caller, content_type: str) -> None:
    body = IMAGES[content_type]
    made = said(await upload(author, body, content_type), 201)
    sha256 = sha256_hex(body)
    assert made == {
        "sha256": sha256,
        "url": f"/api/v1/media/{sha256}",
        "content_type": content_type,
        "size": len(body),
        "markdown": f"![alt](media:{sha256})",
    }
    found = await author.get(f"/media/{sha256}")
    assert (found.status_code, found.content, found.headers["content-type"]) == (200, body, content_type)


async def test_image_is_sent_so_that_no_browser_takes_it_for_anything_else(author: Caller) -> None:
    made = said(await upload(author), 201)
    headers = (await author.get(f"/media/{made['sha256']}")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["content-disposition"] == "inline"
    assert headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_same_image_again_gives_the_same_answer(author: Caller) -> None:
    assert said(await upload(author), 201) == said(await upload(author), 201)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PNG, "image/jpeg"),
        (b"", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<html><script>alert(1)</script>", "image/png"),
        (PNG, "text/html"),
        (b"RIFF\x10\0\0\0WAVE", "image/webp"),
    ],
)
async def test_what_is_no_image_of_the_type_said_is_refused(author: Caller, body: bytes, content_type: str) -> None:
    refused(await upload(author, body, content_type), 422, "invalid_message")


async def test_image_may_be_as_large_as_the_limit_and_no_larger(author: Caller) -> None:
    fits = PNG + b"x" * (MAX_MEDIA_BYTES - len(PNG))
    assert said(await upload(author, fits), 201)["size"] == MAX_MEDIA_BYTES
    refused(await upload(author, fits + b"x"), 413, "invalid_message")


async def test_question_that_shows_an_image_which_is_not_stored_is_refused_and_names_it(author: Caller) -> None:
    sha256 = sha256_hex(PNG)
    body = {
        "skill": "Art",
        "difficulty": "easy",
        "text": "Who?",
        "options": [{"text": f"![A](media:{sha256})", "correct": True}, {"text": "B", "correct": False}],
    }
    problem = refused(await author.post("/questions", body), 422, "invalid_message")
    assert problem["details"]["problems"] == [f"the image media:{sha256} is not stored"]
    said(await upload(author), 201)
    made = said(await author.post("/questions", body), 201)
    changed = {**body, "text": f"Who? ![B](media:{sha256_hex(JPEG)})"}
    refused(await author.put(f"/questions/{made['question_id']}", changed), 422, "invalid_message")


async def test_candidate_sees_the_images_of_their_paper_alone_even_after_the_bank_moved_on(
    rest: Rest, author: Caller
) -> None:
    shown = said(await upload(author), 201)["sha256"]
    other = said(await upload(author, JPEG, "image/jpeg"), 201)["sha256"]
    made = await add(author, text=f"Who painted ![this](media:{shown})?")
    await add(author, text=f"And ![this](media:{other})?")
    application = await invite(rest.storage, await published(rest, made["question_id"]))
    candidate = await rest.browser(application)
    refused(await candidate.get(f"/media/{shown}"), 404, "not_found")
    await begin(rest.storage, application)
    assert (await candidate.get(f"/media/{shown}")).content == PNG
    refused(await candidate.get(f"/media/{other}"), 404, "not_found")
    refused(await candidate.get(f"/media/{sha256_hex(b'nothing')}"), 404, "not_found")
    said(await author.put(f"/questions/{made['question_id']}", put_body(text="Without an image?")))
    assert (await author.delete(f"/questions/{made['question_id']}")).status_code == 204
    assert (await candidate.get(f"/media/{shown}")).content == PNG
    stranger = await rest.person(Role.CANDIDATE)
    refused(await stranger.get(f"/media/{shown}"), 404, "not_found")
    invigilator = await rest.person(Role.INVIGILATOR)
    refused(await invigilator.get(f"/media/{shown}"), 404, "not_found")


def put_body(**changes: Any) -> dict[str, Any]:
    return {
        "skill": "Art",
        "difficulty": "easy",
        "text": "Who?",
        "options": [{"text": "A", "correct": True}, {"text": "B", "correct": False}],
        **changes,
    }


async def published(rest: Rest, question_id: str) -> Any:
    """A published Test of that one question."""
    from sitting.domain.blueprint import Blueprint, FixedQuestion, Section
    from sitting.questions.publication import publish
    from tests.support.clock import NOON

    blueprint = Blueprint(name="Art", sections=(Section(questions=(FixedQuestion(question_id),)),))
    async with rest.storage.unit_of_work() as unit:
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        made = publish(blueprint, await unit.questions.select_many([question_id]))
        return await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )


async def test_candidates_and_reviewers_store_no_images_and_nobody_in_particular_sees_any(
    rest: Rest, author: Caller
) -> None:
    made = said(await upload(author), 201)
    for role in (Role.CANDIDATE, Role.REVIEWER, Role.INVIGILATOR):
        refused(await upload(await rest.person(role)), 403, "not_allowed")
    refused(await rest.anonymous.get(f"/media/{made['sha256']}"), 401, "not_authenticated")
    assert (await (await rest.person(Role.REVIEWER)).get(f"/media/{made['sha256']}")).content == PNG
    refused(await author.get("/media/1"), 422, "invalid_message")
