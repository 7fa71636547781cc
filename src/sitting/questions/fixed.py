"""Papers of Tests whose questions are fixed."""

from __future__ import annotations

from collections.abc import Mapping

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import QuestionContent

SECTION = "main"


def fixed_paper(version: PublishedVersion, contents: Mapping[str, QuestionContent]) -> Paper:
    """The paper that every candidate of this version gets.

    Args:
        contents: by digest; must hold all that the version names.
    """
    return Paper(
        tuple(
            PaperQuestion(
                position=position,
                question_id=question.question_id,
                section=SECTION,
                points=question.points,
                option_order=tuple(option.id for option in contents[question.content_digest].options),
                content_digest=question.content_digest,
                content=contents[question.content_digest],
            )
            for position, question in enumerate(version.questions, start=1)
        )
    )
