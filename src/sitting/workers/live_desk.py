"""What the nodes of a live run do in the world: they see one candidate, and write for nobody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sitting.domain.blueprint import Generated
from sitting.domain.errors import AssessmentOver, Conflict, QuestionNotFound
from sitting.domain.live import LiveAssessment, score_of
from sitting.domain.question import Difficulty, QuestionContent
from sitting.domain.skill_graph import walk
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.verdict import Verdict
from sitting.questions.graph.tools import Candidate, LiveTools, Proposal, Tally
from sitting.questions.wishes import Slot, slots_of
from sitting.usecases.prepare_question import prepare_question
from sitting.workers.run_desk import MOST_STEMS, Desk

HAD = "what this candidate has had"


class LiveDesk:
    """What belongs to the candidate of one live run, beside what every run has."""

    def __init__(self, desk: Desk, live: LiveAssessment, had: Mapping[str, QuestionContent]) -> None:
        self._desk = desk
        self._assessment_id = live.assessment_id
        self._secret = _secret_skills(live)
        self._uses_resume = all(generated.uses_resume for generated in _generated(live).values())
        self._had = had
        self._index = QuestionIndex()
        for question_id, content in had.items():
            self._index.add(question_id, content)

    def tools(self) -> LiveTools:
        """The tools of the graph."""
        desk = self._desk
        return LiveTools(
            ask=desk.ask,
            stems=self.stems,
            judge=self.judge,
            check_code=desk.check_code,
            tell=desk.progress.tell,
            solve=desk.shop.model.solve,
            gates=desk.shop.services.gates,
            same_meaning=desk.comparing({HAD: self._had}),
            candidate=self.candidate,
            resume=self.resume,
            prepare=self.prepare,
        )

    async def stems(self, skill: str, difficulty: Difficulty) -> list[str]:
        """Those of the candidate's papers come first, since they are what must not come again."""
        had = [content.text for content in self._had.values() if content.skill == skill]
        return [*had, *await self._desk.stems(skill, difficulty)][:MOST_STEMS]

    async def judge(self, content: QuestionContent) -> Sequence[Verdict]:
        """What all deterministic gates say; near-duplicates are looked for in all papers of the candidate, too."""
        return await self._desk.judge(content, [Others(HAD, self._index)])

    async def candidate(self) -> Candidate:
        """How far they are, and how they have answered.

        Raises:
            Unavailable: the database failed.
        """
        async with self._desk.storage.reading() as unit:
            live = await unit.load(self._assessment_id)
        return Candidate(live.state.position, live.state.is_over, _tallies(live, self._secret))

    async def resume(self) -> str:
        """What the candidate says of themselves, where all that is generated in the Test may use it; else nothing.

        Raises:
            Unavailable: the database failed.
        """
        if not self._uses_resume:
            return ""
        async with self._desk.storage.reading() as unit:
            return await unit.resumes.of_assessment(self._assessment_id)

    async def prepare(self, position: int, proposal: Proposal) -> bool:
        """Have it ready for that position; false if that takes it no more.

        Raises:
            LeaseLost: another node has the run, or it is over. Unavailable: the database failed.
        """
        desk = self._desk
        question_id = await desk.hand_in(proposal)
        try:
            await prepare_question(
                desk.storage,
                assessment_id=self._assessment_id,
                position=position,
                question_id=question_id,
                now=desk.clock.now(),
                lease=desk.lease,
                least=desk.shop.services.gates.duplicate_similarity,
            )
        except (AssessmentOver, Conflict, QuestionNotFound):
            return False
        return True


async def open_live_desk(desk: Desk) -> tuple[LiveDesk, tuple[Slot, ...], bool]:
    """The desk of a live run; the places that questions are written for, and whether answers have a say in them.

    Raises:
        AssessmentNotFound: the run belongs to none. Unavailable: the database failed.
    """
    assert desk.run.assessment_id is not None
    async with desk.storage.reading() as unit:
        live = await unit.load(desk.run.assessment_id)
        papers = await unit.papers(await unit.erasure.assessment_ids(live.assessment.user_id))
    had = {question.question_id: question.content for paper in papers.values() for question in paper.questions}
    desk.progress.wanted = len(_slots(live))
    own = await asyncio.to_thread(LiveDesk, desk, live, had)  # many papers take their time
    return own, _slots(live), _uses_answers(live)


def _generated(live: LiveAssessment) -> dict[str, Generated]:
    """By section, how its questions are written."""
    return {section.name: section.generated for section in live.blueprint.sections if section.generated is not None}


def _slots(live: LiveAssessment) -> tuple[Slot, ...]:
    """Where a written question may stand; the first position of all is shown by the start itself."""
    found: list[Slot] = []
    for name, generated in _generated(live).items():
        places = [q for q in live.paper.questions if q.section == name and q.position > 1]
        found += slots_of(generated.graph, [(q.position, q.content.skill, q.content.difficulty) for q in places])
    return tuple(found)


def _uses_answers(live: LiveAssessment) -> bool:
    return any(generated.uses_answers for generated in _generated(live).values())


def _secret_skills(live: LiveAssessment) -> frozenset[str]:
    """The skills of sections in which answers have no say."""
    return frozenset(
        skill.name
        for generated in _generated(live).values()
        if not generated.uses_answers
        for skill, _ in walk(generated.graph.skills)
    )


def _tallies(live: LiveAssessment, but: Collection[str]) -> dict[str, Tally]:
    """By skill, how the current answers are; not of the skills `but`."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for item in score_of(live).items:
        if item.is_correct is not None:
            (right if item.is_correct else wrong)[live.paper.question(item.question_id).content.skill] += 1
    return {skill: Tally(right[skill], wrong[skill]) for skill in right.keys() | wrong.keys() if skill not in but}
