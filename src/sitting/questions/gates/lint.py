"""All gates over many questions, with what their authors have decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sitting.domain.question import QuestionContent
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.registry import GATE_NAMES, NEAR_DUPLICATE, judge_bank, judge_item
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.verdict import Outcome, Verdict

OVERRULED = "gate-ok:"
"""A question with the tag `gate-ok:longest_key` has been looked at: what that gate says of it no longer counts."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A question to be looked at.

    Attributes:
        id: unique among all: the question_id, or file and number. name: how people know it.
        refusals: why the bank would not take it at all.
    """

    id: str
    name: str
    content: QuestionContent
    refusals: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Linted:
    """A question with the verdicts of all gates, and the names of those that its author overruled."""

    subject: Subject
    verdicts: Sequence[Verdict]
    overruled: frozenset[str]

    @property
    def failures(self) -> list[Verdict]:
        """What failed and was not overruled."""
        return [verdict for verdict in self.verdicts if verdict.failed and verdict.gate not in self.overruled]

    @property
    def accepted(self) -> list[Verdict]:
        """What failed and was overruled."""
        return [verdict for verdict in self.verdicts if verdict.failed and verdict.gate in self.overruled]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing left to do."""
        return not self.failures and not self.subject.refusals


@dataclass(frozen=True, slots=True)
class LintReport:
    """What the gates say of some questions, one by one and together.

    Attributes:
        unread: what stands in a file and could not be read as a question, with its place: sentences.
    """

    items: Sequence[Linted]
    bank: Sequence[Verdict]
    unread: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed."""
        return not self.unread and all(item.is_clean for item in self.items) and not any(v.failed for v in self.bank)

    def counts(self) -> Mapping[str, Mapping[Outcome, int]]:
        """By gate, how many questions had each outcome; what was overruled counts as failed."""
        found: dict[str, Counter[Outcome]] = {}
        for verdict in (verdict for item in self.items for verdict in item.verdicts):
            found.setdefault(verdict.gate, Counter())[verdict.outcome] += 1
        return found


def lint(
    subjects: Sequence[Subject],
    *,
    among: str,
    others: Sequence[Subject] = (),
    settings: GateSettings = DEFAULTS,
    only: Collection[str] = GATE_NAMES,
    language: str | None = None,
) -> LintReport:
    """Judge questions one by one and together.

    Args:
        among: what near-duplicates are looked for in, for the author: the subjects, and `others` with them.
        others: further questions that are not judged.
        only, language: as for `judge_item`.
    """
    index = QuestionIndex()
    if NEAR_DUPLICATE in only:
        for subject in (*others, *subjects):
            index.add(subject.id, subject.content)
    items = [_linted(subject, index, among, settings, only, language) for subject in subjects]
    return LintReport(items, judge_bank([subject.content for subject in subjects], settings=settings, only=only))


def _linted(
    subject: Subject,
    index: QuestionIndex,
    among: str,
    settings: GateSettings,
    only: Collection[str],
    language: str | None,
) -> Linted:
    others = [Others(among, index, frozenset({subject.id}))]
    verdicts = judge_item(subject.content, settings=settings, language=language, others=others, only=only)
    tags = frozenset(tag.removeprefix(OVERRULED) for tag in subject.content.tags if tag.startswith(OVERRULED))
    return Linted(subject, verdicts, tags)
