"""The blueprint of a Test: what an author says about it, and what publishing makes of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sitting.domain.priority import DEFAULT_WEIGHTS, Priority, PriorityWeights
from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import SkillGraph, visits, walk
from sitting.domain.spending import Limits, total_limits
from sitting.kit.canonical import canonical_json, sha256_hex


class Navigation(StrEnum):
    """`free`: any question at any time. `linear`: one after the other, and never back."""

    FREE = "free"
    LINEAR = "linear"


class FeedbackPolicy(StrEnum):
    """When a candidate learns which answers were right, with the explanations."""

    NONE = "none"
    AFTER_ANSWER = "after_answer"
    AFTER_END = "after_end"
    AFTER_WINDOW = "after_window"


class ResultsPolicy(StrEnum):
    """How much of the results a candidate sees; each shows what those before it show."""

    NOTHING = "nothing"
    STATUS = "status"
    SCORE = "score"
    FULL = "full"


class CountedAttempt(StrEnum):
    """Which of several attempts is the result of an application."""

    BEST = "best"
    LAST = "last"
    FIRST = "first"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class FixedQuestion:
    """A question that every candidate gets; `points` in integer thousandths."""

    question_id: str
    points: int = 1000


@dataclass(frozen=True, slots=True)
class Draw:
    """Questions drawn for each candidate anew.

    Attributes:
        count: how many.
        question_ids: the alternatives to draw from; empty: the whole bank.
        skill, difficulty, tags: only questions of that skill and difficulty that carry all these tags.
        points: of each drawn question, in integer thousandths.
    """

    count: int
    question_ids: tuple[str, ...] = ()
    skill: str | None = None
    difficulty: Difficulty | None = None
    tags: tuple[str, ...] = ()
    points: int = 1000


@dataclass(frozen=True, slots=True)
class Budget:
    """What the questions of one candidate may cost; None: no limit of that kind.

    Attributes:
        tokens: of prompts and answers together. cost: in millionths of the currency that prices are in.
        seconds: of waiting for a model.
    """

    tokens: int | None = 200_000
    cost: int | None = None
    seconds: int | None = 3600

    @property
    def limits(self) -> Limits:
        """The same in the units of the books."""
        return Limits(self.tokens, None if self.seconds is None else 1000 * self.seconds, self.cost)


@dataclass(frozen=True, slots=True)
class Generated:
    """Questions that are written for the candidate along a skill graph; the bank has one for each of them in reserve.

    Attributes:
        points: of each question, in integer thousandths.
        uses_answers: what was answered so far has a say in what is asked next.
        uses_resume: so has what the candidate says of themselves in their application.
        is_scored: if not, a question that is new counts for nothing.
    """

    graph: SkillGraph
    points: int = 1000
    uses_answers: bool = True
    uses_resume: bool = False
    is_scored: bool = True
    budget: Budget = Budget()

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What the bank has to have in reserve, a question for each slot, in the order of the slots."""
        return tuple(
            Draw(count, skill=visit.skill, difficulty=difficulty, points=self.points)
            for visit in visits(self.graph)
            for difficulty, count in visit.wanted
        )


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a Test. Fixed questions come first, then the draws, in their order, unless `shuffle` mixes them.

    Attributes:
        generated: the questions are written for the candidate; then there are neither questions nor draws besides.
        weight: thousandths by which all points of the section are multiplied.
    """

    name: str = "main"
    questions: tuple[FixedQuestion, ...] = ()
    draws: tuple[Draw, ...] = ()
    shuffle: bool = False
    weight: int = 1000
    generated: Generated | None = None

    @property
    def all_draws(self) -> tuple[Draw, ...]:
        """What is drawn from the bank at the start, reserves of questions yet to be written included."""
        return self.draws if self.generated is None else self.generated.draws


@dataclass(frozen=True, slots=True)
class SkillRule:
    """What a skill means to the Test; `pass_mark` in thousandths of a percent, None asks for nothing."""

    skill: str
    priority: Priority
    pass_mark: int | None = None


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The rules of a Test, as drafted or as published.

    Attributes:
        not_together: groups of question_ids, disjoint; of each group a paper holds one question at most.
        shuffle_options: each candidate sees the options in an order of their own (true/false stays as it is).
        time_limit_minutes: None leaves the time unlimited.
        grace_seconds: how long after the deadline an answer on its way still counts.
        opens_at, closes_at: attempts may start from the one until just before the other; None leaves that side open.
            An assessment ends with the window: what arrives at closes_at still counts.
        time_zone: IANA name of the zone in which the window was set; None: it was set in instants.
        opens_local, closes_local: the wall-clock times that the author wrote, without zone; see `domain.window`.
        max_attempts: how many assessments of one application count, at most.
        attempt_delay_minutes: how long after the end of one attempt the next may start.
        pass_mark: percentage needed to pass, in thousandths of a percent.
        skills: priorities and pass marks of skills; a skill that is not listed weighs 1.
        negative_marking: share of a question's points, in thousandths, that a wrong answer costs.
        pilot_responses: a question of the bank counts for nothing until it has been answered so often; 0: all count.
        floor_items: partial credit never falls below nothing. floor_total: neither does the total.
        abandon_after_days: after so many days an assessment without a deadline is closed.
        max_pause_minutes: a pause ends by itself after that.
    """

    name: str
    description: str = ""
    sections: tuple[Section, ...] = ()
    not_together: tuple[tuple[str, ...], ...] = ()
    shuffle_options: bool = False
    navigation: Navigation = Navigation.FREE
    time_limit_minutes: int | None = None
    grace_seconds: int = 5
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    time_zone: str | None = None
    opens_local: datetime | None = None
    closes_local: datetime | None = None
    max_attempts: int = 1
    attempt_delay_minutes: int = 0
    counted_attempt: CountedAttempt = CountedAttempt.BEST
    pass_mark: int = 50_000
    skills: tuple[SkillRule, ...] = ()
    priority_weights: PriorityWeights = DEFAULT_WEIGHTS
    negative_marking: int = 0
    pilot_responses: int = 0
    floor_items: bool = True
    floor_total: bool = True
    feedback: FeedbackPolicy = FeedbackPolicy.NONE
    results: ResultsPolicy = ResultsPolicy.FULL
    abandon_after_days: int = 30
    max_pause_minutes: int = 60

    def digest(self) -> str:
        """SHA-256, in hex, by which two states of a draft are told apart."""
        return sha256_hex(canonical_json(self))

    @property
    def time_limit(self) -> timedelta | None:
        """The time limit; None if there is none."""
        return None if self.time_limit_minutes is None else timedelta(minutes=self.time_limit_minutes)

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)

    @property
    def abandon_after(self) -> timedelta:
        return timedelta(days=self.abandon_after_days)

    @property
    def max_pause(self) -> timedelta:
        return timedelta(minutes=self.max_pause_minutes)

    @property
    def attempt_delay(self) -> timedelta:
        return timedelta(minutes=self.attempt_delay_minutes)

    @property
    def total_questions(self) -> int:
        """How many questions each paper holds."""
        return sum(len(s.questions) + sum(draw.count for draw in s.all_draws) for s in self.sections)

    def is_open(self, now: datetime) -> bool:
        """Whether an attempt may start now."""
        return (self.opens_at is None or now >= self.opens_at) and (self.closes_at is None or now < self.closes_at)

    def rule_of(self, skill: str) -> SkillRule | None:
        """What the Test says about a skill; None if nothing."""
        return next((rule for rule in self.skills if rule.skill == skill), None) or self._rule_of_graph(skill)

    def _rule_of_graph(self, skill: str) -> SkillRule | None:
        """The priority that a skill graph gives to it, if the Test says nothing else."""
        for section in self.sections:
            for each, _ in walk(section.generated.graph.skills) if section.generated else ():
                if each.name == skill:
                    return SkillRule(skill, each.priority)
        return None

    @property
    def is_generated(self) -> bool:
        """Whether any of its questions are written for the candidate."""
        return any(section.generated is not None for section in self.sections)

    @property
    def written_budget(self) -> Limits:
        """What may be spent on the questions of one candidate, in all sections that are generated."""
        return total_limits(section.generated.budget.limits for section in self.sections if section.generated)

    def generated_in(self, name: str) -> Generated | None:
        """How the questions of that section are written; None if they all come out of the bank."""
        return next((section.generated for section in self.sections if section.name == name), None)

    def named_questions(self) -> Iterator[str]:
        """Every question_id that the blueprint names, in its order, alternatives included."""
        for section in self.sections:
            yield from (fixed.question_id for fixed in section.questions)
            for draw in section.all_draws:
                yield from draw.question_ids


@dataclass(frozen=True, slots=True)
class PublishedQuestion:
    """A question with the content that it had when the Test was published."""

    question_id: str
    content_digest: str


@dataclass(frozen=True, slots=True)
class BankSnapshot:
    """All that papers of a published version can hold.

    Attributes:
        questions: each once, sorted by question_id.
        pools: for each section and each of its draws the indices into `questions` that it may take, ascending.
    """

    questions: tuple[PublishedQuestion, ...]
    pools: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """An immutable version of a Test.

    Attributes:
        version_id: what assessments pin.
        number: counts from 1.
        overlap: the share of questions, in thousandths of a percent, that two papers are expected to have in common.
        overlap_error: its standard error, in the same unit; 0 where it is exact, None where it is not known.
    """

    version_id: int
    test_id: int
    number: int
    blueprint: Blueprint
    snapshot: BankSnapshot
    published_at: datetime
    overlap: int | None = None
    overlap_error: int | None = None


@dataclass(frozen=True, slots=True)
class DraftedTest:
    """A Test as its authors see it.

    Attributes:
        current_version: the number of the newest version; None before the first.
        archived_at: since when nobody can start it; None while it is in use.
    """

    test_id: int
    draft: Blueprint
    current_version: int | None
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
