"""Publishing: the bank as it stands, frozen for the papers to come, if there is a full and fair paper for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from sitting.domain.blueprint import BankSnapshot, Blueprint, Draw, FeedbackPolicy, Navigation, PublishedQuestion
from sitting.domain.errors import PublicationRefused
from sitting.domain.piloting import Wording, may_be_pilot
from sitting.domain.question import Difficulty, QuestionVersion
from sitting.questions.coverage import Clash, Coverage, clashes_of, coverage_of, names_of_draws
from sitting.questions.drawing import Plan, make_plan, weighed
from sitting.questions.overlap import Overlap, expected_overlap


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing a draft makes of it; the numbers as in `PublishedVersion`."""

    snapshot: BankSnapshot
    overlap: int
    overlap_error: int


@dataclass(frozen=True, slots=True)
class Examination:
    """What would become of a draft if it were published now.

    Attributes:
        plan: what papers would be drawn by; whole only if there are no problems.
        problems: why it cannot be published, in sentences. missing: the named questions that are not in the bank.
        clashes: the draws that together need more than there is.
        coverage: what each kind of draw needs and can have.
        warnings: what is possible, but may be unfair by mistake, in sentences.
        overlap: None if there are problems.
    """

    plan: Plan
    problems: Sequence[str]
    missing: Sequence[str]
    clashes: Sequence[Clash]
    coverage: Sequence[Coverage]
    warnings: Sequence[str]
    overlap: Overlap | None


def publish(blueprint: Blueprint, bank: Mapping[str, QuestionVersion]) -> Publication:
    """Fix what every paper of this blueprint is drawn from.

    Args:
        bank: the current versions, by question_id, of all questions that the draft names or its draws may take.

    Raises:
        PublicationRefused: `details.problems` says each reason in a sentence, `details.missing` names the questions
            that are not there, `details.clashes` the draws that together need more than there is.
    """
    found = examine(blueprint, bank)
    if found.overlap is None:
        clashes = [clash.details() for clash in found.clashes]
        raise PublicationRefused(problems=list(found.problems), missing=list(found.missing), clashes=clashes)
    return Publication(found.plan.snapshot, found.overlap.share, found.overlap.error)


def examine(blueprint: Blueprint, bank: Mapping[str, QuestionVersion]) -> Examination:
    """Find all that speaks against publishing; nothing is refused here. `bank` as for `publish`."""
    named = dict.fromkeys([*blueprint.named_questions(), *chain.from_iterable(blueprint.not_together)])
    missing = [question_id for question_id in named if question_id not in bank]
    plan = make_plan(blueprint, _snapshot(blueprint, bank))
    clashes = clashes_of(plan)
    problems = [
        *(f"question {question_id} is not in the bank" for question_id in missing),
        *_empty_parts(blueprint),
        *_fixed_clashes(blueprint),
        *(clash.sentence for clash in clashes),
        *_skills_of_nothing(plan, bank),
        *_worthless_slots(plan, bank),
    ]
    return Examination(
        plan=plan,
        problems=problems,
        missing=missing,
        clashes=clashes,
        coverage=coverage_of(plan),
        warnings=[*_idle_alternatives(blueprint, bank), *_unlike_papers(plan, bank), *_hidden_feedback(blueprint)],
        overlap=None if problems else expected_overlap(plan),
    )


# --- the snapshot -----------------------------------------------------------------------------------------------------


def _snapshot(blueprint: Blueprint, bank: Mapping[str, QuestionVersion]) -> BankSnapshot:
    draws = [draw for section in blueprint.sections for draw in section.all_draws]
    pool_of = _pools(draws, bank)
    fixed = (question.question_id for section in blueprint.sections for question in section.questions)
    used = sorted({*chain.from_iterable(pool_of.values()), *(id_ for id_ in fixed if id_ in bank)})
    index = {question_id: number for number, question_id in enumerate(used)}
    numbers = {kind: tuple(index[id_] for id_ in pool) for kind, pool in pool_of.items()}
    return BankSnapshot(
        tuple(PublishedQuestion(question_id, bank[question_id].digest) for question_id in used),
        tuple(tuple(numbers[_kind(draw)] for draw in section.all_draws) for section in blueprint.sections),
    )


def _kind(draw: Draw) -> Draw:
    """What decides about a draw's pool, so that draws of one kind share one."""
    return replace(draw, count=1, points=1)


def _pools(draws: Iterable[Draw], bank: Mapping[str, QuestionVersion]) -> dict[Draw, list[str]]:
    """By kind of draw what it may take, by question_id."""
    by_skill: dict[str | None, list[str]] = {None: sorted(bank)}
    for question_id in by_skill[None]:
        by_skill.setdefault(bank[question_id].content.skill, []).append(question_id)
    pools = {}
    for kind in dict.fromkeys(map(_kind, draws)):
        candidates = sorted(kind.question_ids) if kind.question_ids else by_skill.get(kind.skill, ())
        pools[kind] = [id_ for id_ in candidates if id_ in bank and _fits(kind, bank[id_])]
    return pools


def _fits(draw: Draw, question: QuestionVersion) -> bool:
    content = question.content
    return (
        draw.skill in (None, content.skill)
        and draw.difficulty in (None, content.difficulty)
        and set(draw.tags) <= set(content.tags)
    )


# --- problems ---------------------------------------------------------------------------------------------------------


def _empty_parts(blueprint: Blueprint) -> Iterator[str]:
    if not blueprint.total_questions:
        yield "it has no questions"
        return
    for section in blueprint.sections:
        if not section.questions and not section.all_draws:
            yield f"section {section.name} has no questions"
        if section.generated is not None and blueprint.navigation is not Navigation.LINEAR:
            yield f"section {section.name} is generated, so the questions have to come one after the other"


def _fixed_clashes(blueprint: Blueprint) -> Iterator[str]:
    fixed = {question.question_id for section in blueprint.sections for question in section.questions}
    for group in blueprint.not_together:
        both = [question_id for question_id in group if question_id in fixed]
        if len(both) > 1:
            yield f"questions {' and '.join(both)} are fixed, but must not stand together"


def _skills_of_nothing(plan: Plan, bank: Mapping[str, QuestionVersion]) -> Iterator[str]:
    """A rule about a skill that no paper has would never count: most likely its name is misspelt."""
    possible = {bank[question.question_id].content.skill for question in plan.snapshot.questions}
    for rule in plan.blueprint.skills:
        if rule.skill not in possible:
            yield f"skills names {rule.skill}, and no question of this test has that skill"


def _worths(plan: Plan, bank: Mapping[str, QuestionVersion]) -> Iterator[tuple[str, dict[int, str]]]:
    """By name of a slot what it may be worth, in thousandths, each with a skill that makes it so."""
    skill_of = [bank[question.question_id].content.skill for question in plan.snapshot.questions]
    for slot in chain.from_iterable(plan.fixed):
        skill = skill_of[slot.question]
        name = f"section {slot.section}, question {plan.snapshot.questions[slot.question].question_id}"
        yield name, {weighed(plan.blueprint, slot.points, slot.weight, skill): skill}
    rules = ((section, draw) for section in plan.blueprint.sections for draw in section.all_draws)
    for name, (section, draw), pool in zip(names_of_draws(plan.blueprint), rules, plan.pools, strict=True):
        skills = sorted({skill_of[question] for question in pool})
        yield name, {weighed(plan.blueprint, draw.points, section.weight, skill): skill for skill in skills}


def _worthless_slots(plan: Plan, bank: Mapping[str, QuestionVersion]) -> Iterator[str]:
    for name, worths in _worths(plan, bank):
        if 0 in worths:
            yield f"{name}: by the weights, a question about {worths[0]} is worth less than 0.001 points"


# --- warnings ---------------------------------------------------------------------------------------------------------


def _idle_alternatives(blueprint: Blueprint, bank: Mapping[str, QuestionVersion]) -> Iterator[str]:
    draws = (draw for section in blueprint.sections for draw in section.all_draws)
    for name, draw in zip(names_of_draws(blueprint), draws, strict=True):
        idle = [id_ for id_ in draw.question_ids if id_ in bank and not _fits(draw, bank[id_])]
        if idle:
            yield f"{name}: its own skill, difficulty or tags leave out {', '.join(idle[:5])}" + (
                f" and {len(idle) - 5} more" if idle[5:] else ""
            )


def _hidden_feedback(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.feedback is FeedbackPolicy.AFTER_WINDOW and blueprint.closes_at is None:
        yield "feedback comes after the window, and the window has no end: it is never shown"


def pilots_of(plan: Plan) -> set[Wording]:
    """The questions that can stand in papers of that plan, and count for nothing there while they are new."""
    questions, found = plan.snapshot.questions, set[int]()
    for number, section in enumerate(plan.blueprint.sections):
        if may_be_pilot(plan.blueprint, section.name):
            pools = plan.pools[plan.first_draw[number] :][: len(plan.draws[number])]
            found.update(slot.question for slot in plan.fixed[number])
            found.update(chain.from_iterable(pools))
    return {(questions[each].question_id, questions[each].content_digest) for each in found}


def pilot_warnings(plan: Plan, responses: Mapping[Wording, int]) -> Iterator[str]:
    """What does not count yet.

    Args:
        responses: how many there were to each of `pilots_of`; one that is missing had none.
    """
    wanted, enough = pilots_of(plan), plan.blueprint.pilot_responses
    new = sum(responses.get(each, 0) < enough for each in wanted)
    if new:
        yield (
            f"{new} of {len(wanted)} questions have had fewer than {enough} responses, and count for nothing yet"
            "; a paper that holds no others counts in full"
        )


def _unlike_papers(plan: Plan, bank: Mapping[str, QuestionVersion]) -> Iterator[str]:
    for name, worths in _worths(plan, bank):
        if len(worths) > 1:
            least, most = min(worths) / 1000, max(worths) / 1000
            yield f"{name}: its questions are worth {least:g} to {most:g} points, so papers have different totals"
    difficulty_of = [bank[question.question_id].content.difficulty for question in plan.snapshot.questions]
    for name, pool, count in zip(names_of_draws(plan.blueprint), plan.pools, plan.counts, strict=True):
        mixed = {difficulty_of[question] for question in pool}
        if len(mixed) > 1 and count < len(pool):
            words = ", ".join(each for each in Difficulty if each in mixed)
            yield f"{name}: it draws from different difficulties ({words}), so papers may be harder or easier"
