"""Skill graphs and generated sections as REST spells them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field

from sitting.api.fields import Body, Count, Flag, Name, Thousandths, from_thousandths, to_thousandths
from sitting.domain.blueprint import Budget, Generated
from sitting.domain.priority import Priority
from sitting.domain.skill_graph import (
    DEPTHS,
    MOST_QUESTIONS,
    MOST_SKILLS,
    QuestionsPerPriority,
    Skill,
    SkillGraph,
)

Questions = Annotated[Count, Field(le=MOST_QUESTIONS)]
Limit = Annotated[Count, Field(ge=1)]


class SkillNode(Body):
    """A skill, how much it matters, how deep to ask (1 to 3), and its parts.

    `questions` is how many to ask about it; null: as many as its priority says.
    """

    name: Name
    priority: Priority = Priority.MEDIUM
    depth: Annotated[Count, Field(ge=DEPTHS[0], le=DEPTHS[-1])] = 2
    questions: Questions | None = None
    skills: Annotated[tuple[SkillNode, ...], Field(max_length=MOST_SKILLS)] = ()

    def to_skill(self) -> Skill:
        """The same for the rules."""
        parts = tuple(part.to_skill() for part in self.skills)
        return Skill(self.name, self.priority, self.depth, self.questions, parts)

    @classmethod
    def shown(cls, skill: Skill) -> Self:
        """As it is stored."""
        return cls.model_construct(
            name=skill.name,
            priority=skill.priority,
            depth=skill.depth,
            questions=skill.questions,
            skills=tuple(map(cls.shown, skill.skills)),
        )


class PerPriorityBody(Body):
    """How many questions a skill gets that does not say it itself."""

    H: Questions = 5
    M: Questions = 5
    L: Questions = 3


class SkillGraphBody(Body):
    """What to find out: a tree of skills, asked in the order of priority, then depth."""

    skills: Annotated[tuple[SkillNode, ...], Field(max_length=MOST_SKILLS)]
    per_priority: PerPriorityBody = PerPriorityBody()

    def to_graph(self) -> SkillGraph:
        """The same for the rules."""
        counts = self.per_priority
        return SkillGraph(
            tuple(skill.to_skill() for skill in self.skills), QuestionsPerPriority(counts.H, counts.M, counts.L)
        )

    @classmethod
    def shown(cls, graph: SkillGraph) -> Self:
        """As it is stored."""
        counts = graph.per_priority
        return cls.model_construct(
            skills=tuple(map(SkillNode.shown, graph.skills)),
            per_priority=PerPriorityBody.model_construct(H=counts.high, M=counts.medium, L=counts.low),
        )


class BudgetBody(Body):
    """What one candidate's questions may cost; null: no limit of that kind. `cost` is in the currency of the prices."""

    tokens: Limit | None = 200_000
    cost: Annotated[Decimal, Field(decimal_places=6, gt=0, le=1_000)] | None = None
    seconds: Limit | None = 3600


class GeneratedBody(Body):
    """Questions written for the candidate along a skill graph. The bank keeps one in reserve for each of them."""

    graph: SkillGraphBody
    points: Annotated[Thousandths, Field(json_schema_extra={"default": 1})] = Decimal(1)
    uses_answers: Flag = True
    uses_resume: Flag = False
    is_scored: Flag = True
    budget: BudgetBody = BudgetBody()

    def to_generated(self) -> Generated:
        """The same for the rules."""
        cost = None if self.budget.cost is None else int(self.budget.cost * 1_000_000)
        return Generated(
            graph=self.graph.to_graph(),
            points=to_thousandths(self.points),
            uses_answers=self.uses_answers,
            uses_resume=self.uses_resume,
            is_scored=self.is_scored,
            budget=Budget(self.budget.tokens, cost, self.budget.seconds),
        )

    @classmethod
    def shown(cls, generated: Generated) -> Self:
        """As it is stored."""
        budget = generated.budget
        cost = None if budget.cost is None else Decimal(budget.cost) / 1_000_000
        return cls.model_construct(
            graph=SkillGraphBody.shown(generated.graph),
            points=from_thousandths(generated.points),
            uses_answers=generated.uses_answers,
            uses_resume=generated.uses_resume,
            is_scored=generated.is_scored,
            budget=BudgetBody.model_construct(tokens=budget.tokens, cost=cost, seconds=budget.seconds),
        )
