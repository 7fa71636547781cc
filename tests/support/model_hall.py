"""Candidates of a generated section before a real server whose model is watched, and may misbehave."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from sitting.domain.run import RunStatus
from sitting.questions.gates.registry import ITEM_GATES
from sitting.storage.graph_tables import prepared_questions, proposals, runs
from sitting.storage.tables import paper_questions, question_contents, question_versions
from tests.support.candidates import token_for
from tests.support.delivery import Candidate, Hall, line, opened_hall
from tests.support.eventually import eventually
from tests.support.graph_runs import known
from tests.support.scripted_model import ScriptedServer

GATES = frozenset({
    *ITEM_GATES, "usable", "plain_markdown", "near_duplicate", "blind_solve", "options_only", "one_true", "code_output",
})  # fmt: skip
"""What stands as evidence on whatever a candidate is shown that does not come out of the bank."""
LATE_SECONDS = 0.3
SECTION = {
    "graph": {
        "skills": [
            {"name": "Containers", "priority": "H", "depth": 1, "questions": 3},
            {"name": "API design", "priority": "M", "depth": 1, "questions": 2},
        ]
    }
}
RESERVES = ("Containers",) * 3 + ("API design",) * 2
HURRIED = {
    "SITTING_MODEL_ATTEMPTS": "1",
    "SITTING_MODEL_FIRST_BYTE_SECONDS": "1",
    "SITTING_MODEL_BETWEEN_BYTES_SECONDS": "1",
    "SITTING_MODEL_WHOLE_SECONDS": "1.5",
}
"""Long enough to be noticed by whoever waits for the model, and short enough to wait for the end of a run."""
_numbers = itertools.count(1)
Before = Callable[[int, int], None]


def at_once(assessment_id: int, position: int) -> None:
    """Go on without a thought."""


@dataclass
class Walk:
    """A candidate's way through a whole linear paper.

    Attributes:
        waits: seconds from asking for a question until it was there, from the second question on.
        acks: seconds from an answer until it was acknowledged.
        shown: the ids of the questions, in their order. results: what the candidate is told at the end.
    """

    assessment_id: int
    waits: list[float] = field(default_factory=list)
    acks: list[float] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)


class ModelHall:
    """A hall whose bank has exactly what a generated section needs in reserve.

    Attributes:
        bank: the question_ids of all that it has put into the bank.
    """

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.bank = [self._make_reserve(number, skill) for number, skill in enumerate(RESERVES, 11)]
        fixed = [{"question_id": question_id} for question_id in self.bank]
        self.bank_test = hall.publish(sections=[{"questions": fixed}], navigation="linear")

    def invite_to_bank(self) -> Candidate:
        """Somebody with the same questions, and no model about."""
        [candidate] = self.hall.invite_many(self.bank_test, 1)
        return candidate

    def invite(
        self, section: Mapping[str, Any] = SECTION, *, opening: str = "", name: str = "Zoë Müller", resume: str = ""
    ) -> Candidate:
        """Somebody with a generated section; `opening` is a question to be answered in words, before it."""
        sections: list[dict[str, Any]] = [{"name": "written", "generated": section}]
        if opening:
            asked = {"type": "short_text", "skill": "Words", "difficulty": "easy", "text": opening}
            made = self.hall.post("/questions", {**asked, "accepted": [{"text": "nothing"}]})
            sections.insert(0, {"name": "opening", "questions": [{"question_id": made["question_id"]}]})
            self.bank.append(made["question_id"])
        test_id = self.hall.publish(sections=sections, navigation="linear")
        person = {"name": name, "email": f"named{next(_numbers)}@example.org"}
        [made] = self.hall.post(f"/tests/{test_id}/applications", {"candidates": [person]})["items"]
        if resume:
            self.hall.put(f"/applications/{made['application_id']}/resume", {"text": resume})
        token = token_for(made["user_id"])
        self.hall.tokens.append(token)
        ws_url = self.hall.server.ws_url
        return Candidate(ws_url, made["user_id"], made["application_id"], test_id, token, ())

    def walk(self, candidate: Candidate, before: Before = at_once, *, says: str = "nothing") -> Walk:
        """Take the whole Test; `before` is what happens between an answer and the step to that position."""
        with line(candidate.address) as own:
            started = own.ask("start_assessment", "assessment_started", test_id=candidate.test_id)
            walk, shown = Walk(started["assessment_id"]), own.expect("question")
            for position in range(2, len(started["outline"]) + 2):
                walk.shown.append(shown["question_id"])
                options = shown["question"].get("options")
                given = {"selected_option": options[0]["id"]} if options else {"value": says}
                began = time.monotonic()
                own.ask("submit_answer", "answer_saved", question_id=shown["question_id"], **given)
                walk.acks.append(time.monotonic() - began)
                if position <= len(started["outline"]):
                    before(walk.assessment_id, position)
                    began = time.monotonic()
                    shown = own.ask("get_question", "question", position=position)
                    walk.waits.append(time.monotonic() - began)
            walk.results = own.ask("complete_assessment", "assessment_completed")["results"]
        return walk

    # --- what stands in the tables ---

    def run_of(self, assessment_id: int) -> Row[Any]:
        """The live run of an assessment, which must have one."""
        [run] = self.hall.rows(runs, assessment_id=assessment_id)
        return run

    def prepared(self, assessment_id: int) -> dict[int, str]:
        """The question_id of what is ready, by position."""
        return {
            row.position: row.question_id for row in self.hall.rows(prepared_questions, assessment_id=assessment_id)
        }

    def written(self, assessment_id: int) -> dict[str, Row[Any]]:
        """What the run of that assessment has handed in, by question_id."""
        return {row.question_id: row for row in self.hall.rows(proposals, run_id=self.run_of(assessment_id).id)}

    def wait_prepared(self, assessment_id: int, *positions: int, within: float = 30) -> None:
        """Until something is ready for each of these positions."""

        def check() -> None:
            assert set(positions) <= set(self.prepared(assessment_id)), self.run_of(assessment_id)

        eventually(check, within=within, every=0.05)

    def wait_over(self, assessment_id: int) -> Row[Any]:
        """The run, once it is over."""

        def check() -> Row[Any]:
            run = self.run_of(assessment_id)
            assert RunStatus(run.status).is_over, run
            return run

        return eventually(check, within=30, every=0.1)

    # --- what must hold ---

    def unchecked(self, walk: Walk) -> list[str]:
        """What is wrong with what was shown: it is neither of the bank nor through every gate."""
        written = self.written(walk.assessment_id)
        paper = {row.question_id: row for row in self.hall.rows(paper_questions, assessment_id=walk.assessment_id)}
        digests = {row.question_id: row.content_digest for row in self.hall.rows(question_versions)}
        wrong = []
        for question_id in walk.shown:
            shown = paper[question_id].content_digest
            if question_id in written:
                wrong += [f"{question_id}: {why}" for why in self._objections(written[question_id], shown)]
            elif question_id not in self.bank or digests[question_id] != shown:
                wrong.append(f"{question_id}: neither of the bank nor written by this run")
        return wrong

    def check_origins(self, walk: Walk) -> int:
        """Results name for each question where it comes from; returns how many were written."""
        written = self.written(walk.assessment_id)
        items = self.hall.look(f"/assessments/{walk.assessment_id}/responses")["items"]
        expected = {each: "generated" if each in written else "bank" for each in walk.shown}
        assert {item["question_id"]: item["origin"] for item in items} == expected
        number = sum(each in written for each in walk.shown)
        assert self.hall.look(f"/assessments/{walk.assessment_id}/results")["generated_questions"] == number
        assert walk.results["generated_questions"] == number
        assert walk.results["answered_questions"] == walk.results["total_questions"] == len(walk.shown)
        return number

    def _objections(self, proposal: Row[Any], shown: str) -> Iterator[str]:
        verdicts = json.loads(proposal.evidence)
        missing = GATES - {verdict["gate"] for verdict in verdicts}
        failed = {verdict["gate"] for verdict in verdicts if verdict["outcome"] == "failed"}
        if missing or failed:
            yield f"no evidence of {sorted(missing)}, failed {sorted(failed)}"
        if proposal.content_digest != shown:
            yield "shown in another wording than was checked"
        [content] = self.hall.rows(question_contents, digest=shown)
        body = json.loads(content.body)
        key = next((option["text"] for option in body["options"] if option["id"] == body["key"]), None)
        if known().get(body["text"]) != key:  # the script's own list of what is right, which no gate has a part in
            yield f"not a sound question with its key: {body['text'][:200]}"

    def _make_reserve(self, number: int, skill: str) -> str:
        texts = [str(2 * number + off) for off in range(4)]
        options = [{"text": text, "correct": text == texts[0]} for text in texts]
        asked = {"skill": skill, "difficulty": "easy", "text": f"What is {number} + {number}?", "options": options}
        made: str = self.hall.post("/questions", asked)["question_id"]
        return made


@contextmanager
def opened_model_hall(
    url: str, directory: Path, model_url: str, *, env: Mapping[str, str] | None = None
) -> Iterator[ModelHall]:
    """A server that asks the model at that address."""
    model = {"SITTING_MODEL_URL": model_url, "SITTING_MODEL_NAME": ScriptedServer.name}
    with opened_hall(url, directory, env={**model, **(env or {})}) as hall:
        yield ModelHall(hall)
