"""Have a model propose a skill graph for a job."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sitting.domain.errors import Conflict, Unavailable
from sitting.domain.priority import Priority
from sitting.domain.run import RUN_ID_LENGTH, Lease, Run, RunKind
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.domain.spending import Cost
from sitting.kit.canonical import is_storable
from sitting.kit.clock import Clock
from sitting.kit.ids import random_id
from sitting.questions.prompt_answers import ProposedSkill, ProposedSkills
from sitting.questions.prompting import load_template, render
from sitting.questions.provider import Answer, Listener, Question
from sitting.questions.provider_budget import BudgetExhausted
from sitting.questions.provider_calls import Call, ModelFailed
from sitting.storage.errors import LeaseLost
from sitting.storage.repositories.runs import NewRun
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import ModelAccess, require_model
from sitting.usecases.spend import model_call, purse_of

_TOKENS_AROUND, _TOKENS_OF_A_SKILL = 400, 250
_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a skill graph is wanted for.

    Attributes:
        description: as text, which is not stored. test_id: the Test that it is for, whose limit then counts, too.
        by: who wants it.
    """

    description: str
    most_skills: int
    test_id: int | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True)
class SkillReason:
    """Why a skill is in the graph.

    Attributes:
        evidence: the words of the job description that ask for it, as the model says; is_quoted: whether they stand
            there.
    """

    skill: str
    description: str
    evidence: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class ProposedGraph:
    """A skill graph for its author to change; without a skill if the text asks for none.

    Attributes:
        reasons: of the outermost skills, in the order of the graph.
        model, prompt: who proposed it, and asked by which prompt. cost: of all attempts.
        run_id: of the run that paid for them.
    """

    graph: SkillGraph
    reasons: Sequence[SkillReason]
    model: str
    prompt: str
    cost: Cost
    run_id: str


async def propose_skill_graph(
    storage: Storage, model: ModelAccess | None, job: Job, *, node_id: str, clock: Clock
) -> ProposedGraph:
    """Ask the model which skills the job asks for. It is a run of its own, that this node has, and it may cost what any
    run may; of the text and the graph nothing is stored.

    Skills that the bank has get the name that they have there. Parts of a skill ask no questions of their own: they say
    what the questions about the skill are to spread over, until the author gives them some.

    Raises:
        Conflict: no model is set, what the run or its Test may spend does not suffice, or the run was cancelled.
        BlueprintNotFound: there is no such Test.
        Unavailable: the model gave no answer that can be used; `details.outcome` says why.
    """
    access = require_model(model)
    words = {"max_skills": job.most_skills}
    prompt = render(load_template("propose_skill_graph"), words, {"job_description": job.description})
    question = Question(prompt, ProposedSkills, max_tokens=_TOKENS_AROUND + _TOKENS_OF_A_SKILL * job.most_skills)
    run = await _begin(storage, access, job, node_id, clock)
    calls: deque[Call] = deque()
    try:
        answer, cost = await _ask(storage, access, run, question, calls, clock)
    except LeaseLost:
        async with storage.unit_of_work() as unit:
            await unit.model_calls.insert_many([model_call(run.run_id, call) for call in calls])
        raise Conflict("This run is over before the model has answered.", run_id=run.run_id) from None
    async with storage.reading() as unit:
        known = {count.skill.casefold(): count.skill for count in await unit.questions.skills()}
    chosen = _chosen(answer.value.skills[: job.most_skills], known)
    text = _folded(job.description)
    return ProposedGraph(
        graph=SkillGraph(_skills(chosen, known)),
        reasons=[_reason(name, skill, text) for name, skill in chosen.items()],
        model=answer.call.answered_by or answer.call.model,
        prompt=prompt.name,
        cost=cost,
        run_id=run.run_id,
    )


async def _begin(storage: Storage, access: ModelAccess, job: Job, node_id: str, clock: Clock) -> Run:
    """The run, which nobody else takes up while the model may still answer."""
    new = NewRun(
        run_id=random_id("r", RUN_ID_LENGTH),
        kind=RunKind.SKILL_GRAPH,
        wish=json.dumps({"most_skills": job.most_skills}),
        limits=access.run_limits,
        test_id=job.test_id,
        created_by=job.by,
    )
    now = clock.now()
    until = now + timedelta(seconds=access.provider.config.timeouts.whole) + _MARGIN
    async with storage.unit_of_work() as unit:
        if job.test_id is not None:
            await unit.blueprints.select(job.test_id)
        return await unit.runs.begin(new, node_id, until=until, now=now)


async def _ask(
    storage: Storage,
    access: ModelAccess,
    run: Run,
    question: Question[ProposedSkills],
    calls: deque[Call],
    clock: Clock,
) -> tuple[Answer[ProposedSkills], Cost]:
    """The answer, and what the run has spent; either way the run is over. `calls` gets those that nobody stored."""
    purse = purse_of(storage, run.lease, access.test_limits, calls=calls)
    within = access.provider.config.timeouts.whole
    try:
        answer = await access.provider.ask(question, purse, Listener(calls.append), within=within)
    except BudgetExhausted as fault:
        await _end(storage, run.lease, calls, clock, failure=str(fault))
        raise Conflict(
            f"What is left of the budget of the {fault.account} is not enough for this.",
            run_id=run.run_id,
            account=fault.account,
            kind=fault.kind,
            needed=fault.needed,
            left=fault.left,
        ) from None
    except ModelFailed as fault:
        outcome = fault.outcome.value
        await _end(storage, run.lease, calls, clock, failure=f"{outcome}: the model gave no answer that can be used")
        raise Unavailable("The model gave no answer that can be used.", outcome=outcome, run_id=run.run_id) from None
    return answer, await _end(storage, run.lease, calls, clock)


async def _end(storage: Storage, lease: Lease, calls: deque[Call], clock: Clock, *, failure: str | None = None) -> Cost:
    """Close the run, with the calls that no settlement has stored; returns what it has spent."""
    async with storage.unit_of_work() as unit:
        account = (await unit.runs.hold(lease)).account
        await unit.model_calls.insert_many([model_call(lease.run_id, call) for call in calls])
        await unit.runs.finish(lease, now=clock.now(), failure=failure)
    return account.spent + account.held


def _chosen(proposed: Sequence[ProposedSkill], known: Mapping[str, str]) -> dict[str, ProposedSkill]:
    """By name each skill that has one, the first of those that share it."""
    found: dict[str, ProposedSkill] = {}
    for skill in proposed:
        name = _name(skill.name, known)
        if name and name.casefold() not in {each.casefold() for each in found}:
            found[name] = skill
    return found


def _skills(chosen: Mapping[str, ProposedSkill], known: Mapping[str, str]) -> tuple[Skill, ...]:
    taken = {name.casefold() for name in chosen}
    skills = []
    for name, skill in chosen.items():
        priority, parts = Priority(skill.priority), []
        for part in (_name(each, known) for each in skill.sub_skills):
            if part and part.casefold() not in taken:
                taken.add(part.casefold())
                parts.append(Skill(part, priority, skill.depth, questions=0))
        skills.append(Skill(name, priority, skill.depth, skills=tuple(parts)))
    return tuple(skills)


def _name(said: str, known: Mapping[str, str]) -> str:
    """The name on one line, as the bank spells it; empty if no database can keep it."""
    name = " ".join(said.split())
    return known.get(name.casefold(), name) if is_storable(name) else ""


def _reason(name: str, skill: ProposedSkill, text: str) -> SkillReason:
    evidence = " ".join(skill.evidence.split())
    return SkillReason(name, skill.description.strip(), evidence, bool(evidence) and _folded(evidence) in text)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
