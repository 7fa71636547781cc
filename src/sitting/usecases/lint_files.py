"""Ask the gates about questions in files, before they come into the bank."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType
from sitting.domain.question_check import check_content
from sitting.interchange.formats import Format, read_bank
from sitting.interchange.reading import Defaults, ReadItem
from sitting.interchange.shape import WrittenQuestion
from sitting.questions.gates.lint import LintReport, Subject, lint
from sitting.questions.gates.settings import DEFAULTS, GateSettings

_NO_SKILL = "no skill"
_UNSAID = Defaults(_NO_SKILL, Difficulty.MEDIUM)


@dataclass(frozen=True, slots=True)
class Source:
    """A file; `name` is how people know it."""

    name: str
    data: bytes
    format: Format


def lint_files(
    sources: Sequence[Source],
    *,
    skill: str | None = None,
    tags: Collection[str] = (),
    only: Collection[str],
    language: str | None = None,
    gates: GateSettings = DEFAULTS,
) -> LintReport:
    """What the gates say of the questions of these files, also of those that the bank would not take.

    Near-duplicates are looked for in the files, all together. `skill` and `tags` choose among the questions.
    """
    read = [(source, item) for source in sources for item in read_bank(source.data, source.format, _UNSAID).items]
    subjects = [_subject(source, item, item.question) for source, item in read if item.question is not None]
    chosen = [each for each in subjects if _is_wanted(each.content, skill, tags)]
    others = [each for each in subjects if not _is_wanted(each.content, skill, tags)]
    report = lint(chosen, among="these files", others=others, only=only, language=language, settings=gates)
    return replace(
        report, unread=[line for source, item in read if item.question is None for line in _why(source, item)]
    )


def _is_wanted(content: QuestionContent, skill: str | None, tags: Collection[str]) -> bool:
    return (skill is None or content.skill == skill) and set(tags) <= set(content.tags)


def _why(source: Source, item: ReadItem) -> Iterator[str]:
    for reason in item.reasons:
        place = f"line {reason.line}, column {reason.column}: " if reason.line else ""
        yield f"{source.name}: item {item.number} ({item.name}): {place}{reason.message}"


def _subject(source: Source, item: ReadItem, question: WrittenQuestion) -> Subject:
    content = content_as_written(question)
    try:
        check_content(content)
        refusals: Sequence[str] = ()
    except InvalidMessage as fault:
        refusals = fault.details.get("problems") or [fault.message]
    name = question.slug or item.name
    return Subject(f"{source.name}:{item.number}", name, content, refusals)


def content_as_written(question: WrittenQuestion) -> QuestionContent:
    """The content of a question that nobody has checked: it may have two keys, or none. Its options are numbered."""
    options, keys = _options(question)
    is_multiple = question.type is QuestionType.MULTIPLE_RESPONSE
    return QuestionContent(
        type=question.type,
        text=question.text,
        options=options,
        key=keys[0] if len(keys) == 1 and not is_multiple else "",
        explanation=question.explanation,
        skill=question.skill or _NO_SKILL,
        difficulty=question.difficulty or Difficulty.MEDIUM,
        keys=keys if is_multiple or len(keys) > 1 else (),
        numbers=question.numbers,
        unit=question.unit,
        unit_required=question.unit_required,
        other_units=question.other_units,
        accepted=question.accepted,
        case_sensitive=question.case_sensitive,
        tags=question.tags,
    )


def _options(question: WrittenQuestion) -> tuple[tuple[Option, ...], tuple[str, ...]]:
    if question.type is QuestionType.TRUE_FALSE and not question.options:
        both = (Option("o_true", "True"), Option("o_false", "False"))
        return both, () if question.correct is None else ("o_true" if question.correct else "o_false",)
    options = [
        (Option(each.id or f"o_{n}", each.text, each.feedback), each) for n, each in enumerate(question.options, 1)
    ]
    return tuple(option for option, _ in options), tuple(option.id for option, said in options if said.correct)
