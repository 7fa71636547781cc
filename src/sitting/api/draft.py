"""The rules of a Test as REST spells them: decimals as numbers, shares from 0 to 1, marks in percent."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, NaiveDatetime

from sitting.api.fields import (
    Body,
    Count,
    Flag,
    Name,
    Prose,
    QuestionId,
    Text,
    Thousandths,
    from_thousandths,
    in_known_years,
    to_thousandths,
)
from sitting.api.skill_graph_bodies import GeneratedBody
from sitting.domain.blueprint import (
    Blueprint,
    CountedAttempt,
    Draw,
    FeedbackPolicy,
    FixedQuestion,
    Navigation,
    ResultsPolicy,
    Section,
    SkillRule,
)
from sitting.domain.blueprint_check import (
    MAX_ALTERNATIVES,
    MAX_DRAWS,
    MAX_GROUPS,
    MAX_PILOT_RESPONSES,
    MAX_QUESTIONS,
    MAX_SECTIONS,
)
from sitting.domain.errors import InvalidMessage
from sitting.domain.priority import Priority, PriorityWeights
from sitting.domain.question import Difficulty
from sitting.domain.window import instant

One = Annotated[Thousandths, Field(json_schema_extra={"default": 1})]
Percent = Annotated[Thousandths, Field(le=100)]
# An instant, or a wall-clock time of the Test's `time_zone`.
Edge = Annotated[AwareDatetime | NaiveDatetime, AfterValidator(in_known_years)]
Local = Annotated[NaiveDatetime, AfterValidator(in_known_years)]


class FixedBody(Body):
    """A question that every candidate gets, and what it is worth."""

    question_id: QuestionId
    points: One = Decimal(1)


class DrawBody(Body):
    """`count` questions drawn for each candidate: of `question_ids`, or of the bank, by skill, difficulty and tags."""

    count: Annotated[Count, Field(ge=1, le=MAX_QUESTIONS)]
    question_ids: Annotated[tuple[QuestionId, ...], Field(max_length=MAX_ALTERNATIVES)] = ()
    skill: Name | None = None
    difficulty: Difficulty | None = None
    tags: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    points: One = Decimal(1)


class SectionBody(Body):
    """A part of a Test: fixed questions, then draws, unless `shuffle` mixes them; `weight` multiplies points.

    Or `generated`: questions that are written for the candidate. Then it has neither questions nor draws besides.
    """

    name: Name = "main"
    questions: Annotated[tuple[FixedBody, ...], Field(max_length=MAX_QUESTIONS)] = ()
    draws: Annotated[tuple[DrawBody, ...], Field(max_length=MAX_DRAWS)] = ()
    shuffle: Flag = False
    weight: One = Decimal(1)
    generated: GeneratedBody | None = None


class SkillBody(Body):
    """What a skill means to the Test; `pass_mark` is a percentage, null asks for nothing."""

    skill: Name
    priority: Priority
    pass_mark: Percent | None = None


class WeightsBody(Body):
    """By how much the points of a skill's questions are multiplied."""

    H: Annotated[Thousandths, Field(json_schema_extra={"default": 3})] = Decimal(3)
    M: Annotated[Thousandths, Field(json_schema_extra={"default": 2})] = Decimal(2)
    L: One = Decimal(1)


class Draft(Body):
    """The rules of a Test. docs/tests.md explains each with an example.

    A null time limit or end of the window leaves that side open; marks are percentages; `negative_marking` is the share
    of a question's points that a wrong answer costs. `opens_at` and `closes_at` are instants, or wall-clock times of
    `time_zone`. They are answered as instants in UTC, with the wall-clock times beside them in `opens_local` and
    `closes_local`; what was answered can be sent again as it is.
    """

    name: Name
    description: Prose = ""
    sections: Annotated[tuple[SectionBody, ...], Field(max_length=MAX_SECTIONS)] = ()
    not_together: Annotated[tuple[tuple[QuestionId, ...], ...], Field(max_length=MAX_GROUPS)] = ()
    shuffle_options: Flag = False
    navigation: Navigation = Navigation.FREE
    time_limit_minutes: Count | None = None
    grace_seconds: Count = 5
    opens_at: Edge | None = None
    closes_at: Edge | None = None
    time_zone: Annotated[Text, Field(max_length=100)] | None = None
    opens_local: Local | None = None
    closes_local: Local | None = None
    max_attempts: Count = 1
    attempt_delay_minutes: Count = 0
    counted_attempt: CountedAttempt = CountedAttempt.BEST
    pass_mark: Annotated[Thousandths, Field(json_schema_extra={"default": 50})] = Decimal(50)
    skills: Annotated[tuple[SkillBody, ...], Field(max_length=MAX_QUESTIONS)] = ()
    priority_weights: WeightsBody = WeightsBody()
    negative_marking: Annotated[Thousandths, Field(le=1, json_schema_extra={"default": 0})] = Decimal(0)
    pilot_responses: Annotated[Count, Field(le=MAX_PILOT_RESPONSES)] = 0
    floor_items: Flag = True
    floor_total: Flag = True
    feedback: FeedbackPolicy = FeedbackPolicy.NONE
    results: ResultsPolicy = ResultsPolicy.FULL
    abandon_after_days: Count = 30
    max_pause_minutes: Count = 60

    def to_blueprint(self) -> Blueprint:
        """The same for the rules, its decimals as integer thousandths.

        Raises:
            InvalidMessage: an instant and a wall-clock time of the same end of the window contradict each other.
        """
        weights = self.priority_weights
        return Blueprint(
            sections=tuple(map(_section, self.sections)),
            pass_mark=to_thousandths(self.pass_mark),
            skills=tuple(
                SkillRule(s.skill, s.priority, None if s.pass_mark is None else to_thousandths(s.pass_mark))
                for s in self.skills
            ),
            priority_weights=PriorityWeights(*map(to_thousandths, (weights.H, weights.M, weights.L))),
            negative_marking=to_thousandths(self.negative_marking),
            **_edge("opens", self.opens_at, self.opens_local, self.time_zone),
            **_edge("closes", self.closes_at, self.closes_local, self.time_zone),
            **{name: getattr(self, name) for name in _SAME},
        )


_SAME = (
    "name",
    "description",
    "not_together",
    "shuffle_options",
    "navigation",
    "time_limit_minutes",
    "grace_seconds",
    "time_zone",
    "max_attempts",
    "attempt_delay_minutes",
    "counted_attempt",
    "pilot_responses",
    "floor_items",
    "floor_total",
    "feedback",
    "results",
    "abandon_after_days",
    "max_pause_minutes",
)


def _edge(side: str, at: datetime | None, local: datetime | None, zone_name: str | None) -> dict[str, Any]:
    """One end of the window under the names of a blueprint: the instant, and the wall-clock time if there is one."""
    if at is not None and at.tzinfo is None:
        if local not in (None, at):
            raise InvalidMessage(f"{side}_at and {side}_local are different times.")
        at, local = None, at
    if at is not None and local is not None and zone_name is not None:
        meant = instant(local, zone_name, later=side == "closes")
        if meant != at:
            raise InvalidMessage(f"{side}_at and {side}_local are different times; leave one of them out.")
    return {f"{side}_at": at, f"{side}_local": local}


def _section(body: SectionBody) -> Section:
    return Section(
        name=body.name,
        questions=tuple(FixedQuestion(q.question_id, to_thousandths(q.points)) for q in body.questions),
        draws=tuple(
            Draw(d.count, d.question_ids, d.skill, d.difficulty, d.tags, to_thousandths(d.points)) for d in body.draws
        ),
        shuffle=body.shuffle,
        weight=to_thousandths(body.weight),
        generated=None if body.generated is None else body.generated.to_generated(),
    )


def shown_draft(blueprint: Blueprint) -> Draft:
    """Stored drafts were checked when they came in, by the rules of their time: they are shown as they are."""
    weights = blueprint.priority_weights
    return Draft.model_construct(
        sections=tuple(map(_shown_section, blueprint.sections)),
        opens_at=blueprint.opens_at,
        closes_at=blueprint.closes_at,
        opens_local=blueprint.opens_local,
        closes_local=blueprint.closes_local,
        pass_mark=from_thousandths(blueprint.pass_mark),
        skills=tuple(
            SkillBody.model_construct(
                skill=s.skill,
                priority=s.priority,
                pass_mark=None if s.pass_mark is None else from_thousandths(s.pass_mark),
            )
            for s in blueprint.skills
        ),
        priority_weights=WeightsBody.model_construct(
            H=from_thousandths(weights.high), M=from_thousandths(weights.medium), L=from_thousandths(weights.low)
        ),
        negative_marking=from_thousandths(blueprint.negative_marking),
        **{name: getattr(blueprint, name) for name in _SAME},
    )


def _shown_section(section: Section) -> SectionBody:
    return SectionBody.model_construct(
        name=section.name,
        questions=tuple(
            FixedBody.model_construct(question_id=q.question_id, points=from_thousandths(q.points))
            for q in section.questions
        ),
        draws=tuple(
            DrawBody.model_construct(
                count=d.count,
                question_ids=d.question_ids,
                skill=d.skill,
                difficulty=d.difficulty,
                tags=d.tags,
                points=from_thousandths(d.points),
            )
            for d in section.draws
        ),
        shuffle=section.shuffle,
        weight=from_thousandths(section.weight),
        generated=None if section.generated is None else GeneratedBody.shown(section.generated),
    )
