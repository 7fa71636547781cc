"""Which drafts can be stored at all, whatever the bank holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sitting.domain.blueprint import Blueprint, Draw, Section
from sitting.domain.errors import InvalidMessage
from sitting.domain.skill_graph import skill_graph_problems, walk
from sitting.domain.window import window_problems
from sitting.kit.canonical import is_storable

MAX_QUESTIONS = 500
MAX_SECTIONS = 50
MAX_DRAWS = 100
MAX_GROUPS = 500
MAX_ALTERNATIVES = 5000
MAX_POINTS = 1_000_000
MAX_WEIGHT = 10_000
MAX_LIMIT_MINUTES = 7 * 24 * 60
MAX_GRACE_SECONDS = 300
MAX_ATTEMPTS = 100
MAX_DELAY_MINUTES = 366 * 24 * 60
MAX_PAUSE_MINUTES = 7 * 24 * 60
MAX_DAYS = 3650
MAX_PILOT_RESPONSES = 10_000


def check_blueprint(blueprint: Blueprint) -> None:
    """Refuse a draft that no bank could make right.

    Raises:
        InvalidMessage: `details.problems` lists what is wrong.
    """
    parts = (_numbers(blueprint), _sections(blueprint), _groups(blueprint), _skills(blueprint))
    problems = [*chain(*parts), *window_problems(blueprint)]
    if problems:
        raise InvalidMessage("This test cannot be stored.", problems=problems)


def _found(checks: dict[str, bool]) -> Iterator[str]:
    return (problem for problem, found in checks.items() if found)


def _numbers(blueprint: Blueprint) -> Iterator[str]:
    limit, weights = blueprint.time_limit_minutes, blueprint.priority_weights
    return _found(
        {
            "name is empty": not blueprint.name.strip(),
            "NUL and lone surrogates are not possible": not all(map(is_storable, _texts(blueprint))),
            f"time_limit_minutes is not 1 to {MAX_LIMIT_MINUTES}": limit is not None
            and not 1 <= limit <= MAX_LIMIT_MINUTES,
            f"grace_seconds is not 0 to {MAX_GRACE_SECONDS}": not 0 <= blueprint.grace_seconds <= MAX_GRACE_SECONDS,
            f"max_attempts is not 1 to {MAX_ATTEMPTS}": not 1 <= blueprint.max_attempts <= MAX_ATTEMPTS,
            f"attempt_delay_minutes is not 0 to {MAX_DELAY_MINUTES}": not 0
            <= blueprint.attempt_delay_minutes
            <= MAX_DELAY_MINUTES,
            "pass_mark is not 0 to 100": not 0 <= blueprint.pass_mark <= 100_000,
            "negative_marking is not 0 to 1": not 0 <= blueprint.negative_marking <= 1000,
            f"pilot_responses is not 0 to {MAX_PILOT_RESPONSES}": not 0
            <= blueprint.pilot_responses
            <= MAX_PILOT_RESPONSES,
            "priority_weights are not 0.001 to 10": any(
                not 1 <= weight <= MAX_WEIGHT for weight in (weights.high, weights.medium, weights.low)
            ),
            f"abandon_after_days is not 1 to {MAX_DAYS}": not 1 <= blueprint.abandon_after_days <= MAX_DAYS,
            f"max_pause_minutes is not 1 to {MAX_PAUSE_MINUTES}": not 1
            <= blueprint.max_pause_minutes
            <= MAX_PAUSE_MINUTES,
        }
    )


def _texts(blueprint: Blueprint) -> Iterator[str]:
    yield from (blueprint.name, blueprint.description, blueprint.time_zone or "")
    yield from (rule.skill for rule in blueprint.skills)
    yield from chain(blueprint.named_questions(), *blueprint.not_together)
    for section in blueprint.sections:
        yield section.name
        for draw in section.draws:
            yield from (draw.skill or "", *draw.tags)
        if section.generated is not None:
            yield from (skill.name for skill, _ in walk(section.generated.graph.skills))


def _sections(blueprint: Blueprint) -> Iterator[str]:
    names = [section.name for section in blueprint.sections]
    fixed = [question.question_id for section in blueprint.sections for question in section.questions]
    yield from _found(
        {
            f"it has more than {MAX_SECTIONS} sections": len(names) > MAX_SECTIONS,
            f"it has more than {MAX_QUESTIONS} questions": blueprint.total_questions > MAX_QUESTIONS,
            "a section has no name": not all(name.strip() for name in names),
            "two sections have the same name": len(set(names)) != len(names),
            "a question stands in it twice": len(set(fixed)) != len(fixed),
            f"section weights are not 0.001 to {MAX_WEIGHT // 1000}": any(
                not 1 <= section.weight <= MAX_WEIGHT for section in blueprint.sections
            ),
        }
    )
    yield from dict.fromkeys(chain.from_iterable(map(_section, blueprint.sections)))


def _section(section: Section) -> Iterator[str]:
    points = [question.points for question in section.questions] + [draw.points for draw in section.draws]
    return chain(
        _found(
            {
                f"points are not 0.001 to {MAX_POINTS // 1000}": any(not 1 <= each <= MAX_POINTS for each in points),
                f"a section has more than {MAX_DRAWS} draws": len(section.draws) > MAX_DRAWS,
            }
        ),
        chain.from_iterable(map(_draw, section.draws)),
        _generated(section),
    )


def _generated(section: Section) -> Iterator[str]:
    generated = section.generated
    if generated is None:
        return
    if section.questions or section.draws:
        yield "a generated section has neither questions nor draws"
    if section.shuffle:
        yield "a generated section goes the way of its skill graph, and cannot be shuffled"
    yield from _found({f"points are not 0.001 to {MAX_POINTS // 1000}": not 1 <= generated.points <= MAX_POINTS})
    limits = (generated.budget.tokens, generated.budget.cost, generated.budget.seconds)
    yield from _found({"a budget is not 1 or more": any(limit is not None and limit < 1 for limit in limits)})
    yield from skill_graph_problems(generated.graph)


def _draw(draw: Draw) -> Iterator[str]:
    return _found(
        {
            f"a draw takes not 1 to {MAX_QUESTIONS} questions": not 1 <= draw.count <= MAX_QUESTIONS,
            "a draw names a question twice": len(set(draw.question_ids)) != len(draw.question_ids),
            f"a draw names more than {MAX_ALTERNATIVES} questions": len(draw.question_ids) > MAX_ALTERNATIVES,
            "a draw's skill or tag is empty": draw.skill == "" or "" in draw.tags,
        }
    )


def _groups(blueprint: Blueprint) -> Iterator[str]:
    members = list(chain.from_iterable(blueprint.not_together))
    return _found(
        {
            f"it has more than {MAX_GROUPS} not_together groups": len(blueprint.not_together) > MAX_GROUPS,
            "a not_together group has fewer than two questions": any(len(g) < 2 for g in blueprint.not_together),
            "a question stands in not_together twice": len(set(members)) != len(members),
        }
    )


def _skills(blueprint: Blueprint) -> Iterator[str]:
    names = [rule.skill for rule in blueprint.skills]
    marks = [rule.pass_mark for rule in blueprint.skills if rule.pass_mark is not None]
    return _found(
        {
            "a skill has no name": not all(name.strip() for name in names),
            "a skill stands in skills twice": len(set(names)) != len(names),
            "a skill's pass_mark is not 0 to 100": any(not 0 <= mark <= 100_000 for mark in marks),
        }
    )
