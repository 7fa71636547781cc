"""Skill graphs before there is a Test with them: proposed by a model, and held against the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from sitting.api.coverage_bodies import SkillNeeds, shown_needs
from sitting.api.fields import Body, EntityId, Text
from sitting.api.idempotency import IdempotentRoute
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.api.skill_graph_bodies import SkillGraphBody
from sitting.api.spending_bodies import Spent, shown_cost
from sitting.domain.errors import BlueprintNotFound, Conflict
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.cover_skill_graph import cover_skill_graph
from sitting.usecases.propose_skill_graph import Job, propose_skill_graph

router = APIRouter(prefix="/skill-graphs", tags=["questions by a model"], route_class=IdempotentRoute)

Author = Annotated[Identity, require(Action.RUN_MODELS)]
Reader = Annotated[Identity, require(Action.READ_BANK)]
LONGEST_TEXT = 20_000
MOST_PROPOSED = 30


class JobBody(Body):
    """A job description, as text, and how many skills to propose at most.

    `test_id`: the Test that it is for, whose own limit of spending then counts, too.
    """

    job_description: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)]
    max_skills: Annotated[int, Field(strict=True, ge=1, le=MOST_PROPOSED)] = 10
    test_id: EntityId | None = None


@dataclass(frozen=True, slots=True)
class ProposedSkillReason:
    """Why a skill was proposed.

    Attributes:
        evidence: the words of the job description that ask for it, as the model says.
        is_quoted: whether these words stand there.
    """

    skill: str
    description: str
    evidence: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class SkillGraphProposal:
    """A skill graph to be edited. It is not stored; what asking for it took is, as a run.

    Attributes:
        graph: without a skill if the text asks for none that questions can examine.
        about: by skill what the model says that the job needs of it, as `POST /runs` takes it.
        model, prompt: who proposed it, and asked by which prompt. spent: what it took.
        run_id: the run that it was.
    """

    graph: SkillGraphBody
    about: dict[str, str]
    reasons: list[ProposedSkillReason]
    model: str
    prompt: str
    spent: Spent
    run_id: str


@router.post("/propose", responses=refusals(BlueprintNotFound, Conflict))
async def propose_graph(services: Parts, now: Now, who: Author, body: JobBody) -> SkillGraphProposal:
    """Have the model propose a skill graph from a job description. This is a run, of the kind `skill_graph`."""
    services.limits.proposal(who.user_id, now)
    made = await propose_skill_graph(
        services.storage,
        services.model,
        Job(
            description=body.job_description,
            most_skills=body.max_skills,
            test_id=body.test_id,
            by=who.user_id,
        ),
        node_id=services.node.node_id,
        clock=services.clock,
    )
    return SkillGraphProposal(
        graph=SkillGraphBody.shown(made.graph),
        about={reason.skill: reason.description for reason in made.reasons if reason.description},
        reasons=[ProposedSkillReason(r.skill, r.description, r.evidence, r.is_quoted) for r in made.reasons],
        model=made.model,
        prompt=made.prompt,
        spent=shown_cost(made.cost),
        run_id=made.run_id,
    )


@router.post("/coverage", responses=refusals())
async def cover_graph(services: Parts, _who: Reader, body: SkillGraphBody) -> list[SkillNeeds]:
    """What the bank has for a skill graph, skill by skill in the order in which they are asked about."""
    return [shown_needs(each) for each in await cover_skill_graph(services.storage, body.to_graph())]
