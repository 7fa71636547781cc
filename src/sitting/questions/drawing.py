"""One candidate's paper, from a published version and a seed: the same again, byte for byte, whenever it is made.

The decision about not-together groups is docs/decisions/0008-disjoint-groups.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

from sitting.domain.blueprint import BankSnapshot, Blueprint, Draw, Section
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import QuestionContent, QuestionType
from sitting.kit.rounding import divide_half_up
from sitting.questions.chance import Chance, Shuffled
from sitting.questions.matching import Matching, match


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of the paper: which question of the snapshot, in which section, for how many points.

    `points` are thousandths before any weight; `weight` is the section's, in thousandths.
    """

    section: str
    question: int
    points: int
    weight: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What drawing needs of a version, and is the same for every paper: made once, and used for all of them.

    Attributes:
        class_of: of each question of the snapshot the number of the first of its not-together group, or its own.
        counts, pools: by draw, over all sections. A pool holds only what fixed questions leave over.
        draws: by section. first_draw: by section the number of its first draw.
        fixed: by section the slots of its fixed questions.
    """

    blueprint: Blueprint
    snapshot: BankSnapshot
    class_of: tuple[int, ...]
    counts: tuple[int, ...]
    pools: tuple[tuple[int, ...], ...]
    draws: tuple[tuple[Draw, ...], ...]
    first_draw: tuple[int, ...]
    fixed: tuple[tuple[Slot, ...], ...]


def make_plan(blueprint: Blueprint, snapshot: BankSnapshot) -> Plan:
    """What all papers of that version share. A fixed question that the snapshot lacks is left out."""
    index = {question.question_id: number for number, question in enumerate(snapshot.questions)}
    class_of = _classes(blueprint, index)
    fixed = tuple(
        tuple(
            Slot(section.name, index[fixed.question_id], fixed.points, section.weight)
            for fixed in section.questions
            if fixed.question_id in index
        )
        for section in blueprint.sections
    )
    blocked = {class_of[slot.question] for slot in chain.from_iterable(fixed)}
    draws = tuple(section.all_draws for section in blueprint.sections)
    return Plan(
        blueprint,
        snapshot,
        class_of,
        counts=tuple(draw.count for draw in chain.from_iterable(draws)),
        pools=tuple(
            tuple(question for question in pool if class_of[question] not in blocked) if blocked else pool
            for pool in chain.from_iterable(snapshot.pools)
        ),
        draws=draws,
        first_draw=tuple(accumulate(map(len, draws), initial=0)),
        fixed=fixed,
    )


def _classes(blueprint: Blueprint, index: Mapping[str, int]) -> tuple[int, ...]:
    class_of = list(range(len(index)))
    for group in blueprint.not_together:
        members = [index[question_id] for question_id in group if question_id in index]
        for member in members:
            class_of[member] = min(members)
    return tuple(class_of)


def draw_slots(plan: Plan, seed: str) -> list[Slot]:
    """Who gets which questions, in the order of the paper.

    Args:
        seed: any text; assessments have SEED_BYTES of chance in hex.

    Raises:
        ValueError: there is no full paper, so the plan is not that of a published version.
    """
    matching = draw(plan, seed)
    if matching.stuck:
        raise ValueError("this version has no full paper, and cannot have been published so")
    drawn = matching.by_draw(len(plan.counts))
    slots: list[Slot] = []
    for number, section in enumerate(plan.blueprint.sections):
        placed = [*plan.fixed[number], *_drawn_slots(plan, number, section, drawn, seed)]
        slots += Chance(seed, f"section {number}").shuffled(placed) if section.shuffle else placed
    return slots


def draw(plan: Plan, seed: str) -> Matching:
    """Which draw takes which questions. All papers that are possible at all can come of it."""
    pools = [Shuffled(pool, Chance(seed, f"draw {number}")) for number, pool in enumerate(plan.pools)]
    return match(plan.counts, pools, plan.class_of)


def _drawn_slots(
    plan: Plan, number: int, section: Section, drawn: Sequence[Sequence[int]], seed: str
) -> Iterable[Slot]:
    for place, rule in enumerate(plan.draws[number], plan.first_draw[number]):
        for question in Chance(seed, f"order {place}").shuffled(drawn[place]):
            yield Slot(section.name, question, rule.points, section.weight)


def paper_digests(plan: Plan, slots: Iterable[Slot]) -> list[str]:
    """The digests of the contents that a paper needs."""
    return [plan.snapshot.questions[slot.question].content_digest for slot in slots]


def make_paper(plan: Plan, slots: Sequence[Slot], contents: Mapping[str, QuestionContent], seed: str) -> Paper:
    """The paper of drawn slots.

    Args:
        contents: by digest; must hold all of `paper_digests`.
    """
    questions = []
    for position, slot in enumerate(slots, start=1):
        published = plan.snapshot.questions[slot.question]
        content = contents[published.content_digest]
        questions.append(
            PaperQuestion(
                position=position,
                question_id=published.question_id,
                section=slot.section,
                points=weighed(plan.blueprint, slot.points, slot.weight, content.skill),
                option_order=_option_order(plan.blueprint, published.question_id, content, seed),
                content_digest=published.content_digest,
                content=content,
            )
        )
    return Paper(tuple(questions))


def written_order(content: QuestionContent, seed: str, position: int) -> tuple[str, ...]:
    """In which order the candidate sees the options of a question that was written for that position.

    It is always one of chance, whatever the Test says: whoever writes a question tends to begin with the right option.
    """
    ids = [option.id for option in content.options]
    if content.type is QuestionType.TRUE_FALSE:
        return tuple(ids)
    return tuple(Chance(seed, f"options at {position}").shuffled(ids))


def weighed(blueprint: Blueprint, points: int, weight: int, skill: str) -> int:
    """What a slot is worth, in thousandths: its points by the weights of its section and of its skill, rounded once."""
    rule = blueprint.rule_of(skill)
    skill_weight = 1000 if rule is None else blueprint.priority_weights.of(rule.priority)
    return divide_half_up(points * weight * skill_weight, 1_000_000)


def _option_order(blueprint: Blueprint, question_id: str, content: QuestionContent, seed: str) -> tuple[str, ...]:
    ids = [option.id for option in content.options]
    if not blueprint.shuffle_options or content.type is QuestionType.TRUE_FALSE:
        return tuple(ids)
    return tuple(Chance(seed, f"options {question_id}").shuffled(ids))
