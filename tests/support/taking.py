"""A candidate who takes a test over REST alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from sitting.domain.application import CandidateApplication
from tests.support.builders import invite, publish_test
from tests.support.replacing import replace
from tests.support.rest import Caller, Rest, said
from tests.support.storage import log_of

# Every request that needs the attachment.
WRITES = ("answers", "question", "flags", "integrity-events", "break/start", "break/end", "complete")


@dataclass(frozen=True, slots=True)
class Desk:
    """The candidate with what the last start or resume answered."""

    rest: Rest
    caller: Caller
    snapshot: dict[str, Any]

    @property
    def assessment_id(self) -> int:
        number: int = self.snapshot["assessment_id"]
        return number

    @property
    def attachment(self) -> int:
        number: int = self.snapshot["attachment"]
        return number

    def question_id(self, position: int) -> str:
        """The id of the question there, which a linear Test may still hide."""
        return str(self.snapshot["outline"][position - 1]["question_id"])

    async def act(self, what: str, **body: Any) -> httpx2.Response:
        """Send that request of the candidate, with the attachment."""
        body = {"attachment": self.attachment, **body}
        return await self.caller.post(f"/assessments/{self.assessment_id}/{what}", body)

    async def write(self, what: str) -> httpx2.Response:
        """Send that one of WRITES, with a body that is in order."""
        question = {"question_id": self.question_id(1)}
        bodies: dict[str, dict[str, Any]] = {
            "answers": self.item(1, right=False),
            "question": question,
            "flags": question | {"flagged": True},
            "integrity-events": {"kind": "focus_lost"},
        }
        return await self.act(what, **bodies.get(what, {}))

    async def look(self, what: str) -> Any:
        """What a GET answers."""
        return said(await self.caller.get(f"/assessments/{self.assessment_id}/{what}"))

    async def answer(
        self, position: int, *, right: bool = True, pair: tuple[str, int] | None = None, **more: Any
    ) -> httpx2.Response:
        """Answer the question there with its right option or a wrong one; `pair` is (client_id, client_seq)."""
        named = {} if pair is None else {"client_id": pair[0], "client_seq": pair[1]}
        return await self.act("answers", **self.item(position, right=right), **named, **more)

    def item(self, position: int, *, right: bool = True) -> dict[str, Any]:
        """An answer as a list of pending ones holds it."""
        return {"question_id": self.question_id(position), "selected_option": f"o_{position}{'a' if right else 'b'}"}

    async def resume(self, *pending: dict[str, Any], **more: Any) -> Desk:
        """The same candidate, who has come back with those answers in hand."""
        path = f"/assessments/{self.assessment_id}/resume"
        return replace(self, snapshot=said(await self.caller.post(path, {"pending": list(pending), **more})))

    async def with_new_token(self) -> Desk:
        """The same, after so long that the first token has run out."""
        async with self.rest.storage.reading() as unit:
            user_id = (await unit.assessments.select(self.assessment_id)).user_id
            return replace(self, caller=self.rest.caller(await unit.users.select(user_id)))

    async def log(self) -> list[str]:
        """The types of the entries in the log, in order."""
        return await log_of(self.rest.storage, self.assessment_id)


async def begin_at_desk(rest: Rest, application: CandidateApplication) -> Desk:
    """The candidate of that application starts over REST."""
    async with rest.storage.reading() as unit:
        caller = rest.caller(await unit.users.select(application.user_id))
    return Desk(rest, caller, said(await caller.post("/assessments", {"test_id": application.test_id}), 201))


async def at_desk(rest: Rest, questions: int = 3, **rules: Any) -> Desk:
    """Somebody new at work on a Test of their own; `rules` are those of a Blueprint."""
    return await begin_at_desk(rest, await invite(rest.storage, await publish_test(rest.storage, questions, **rules)))
