"""Which questions of a paper are new, and count for nothing until enough is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sitting.domain.blueprint import Blueprint
from sitting.domain.paper import Paper

Wording = tuple[str, str]
"""A question_id, and the digest of its content: an edited question is another one, and nobody has answered it yet."""


def may_be_pilot(blueprint: Blueprint, section: str) -> bool:
    """Whether questions of that section may count for nothing while they are new.

    Generated sections say themselves whether what is written for them counts, and their reserves always do.
    """
    return blueprint.pilot_responses > 0 and blueprint.generated_in(section) is None


def wordings_to_count(blueprint: Blueprint, paper: Paper) -> set[Wording]:
    """Of which questions of the paper the responses have to be known; none where the Test has no pilots."""
    if not blueprint.pilot_responses:
        return set()
    return {(q.question_id, q.content_digest) for q in paper.questions if may_be_pilot(blueprint, q.section)}


def with_pilots(blueprint: Blueprint, paper: Paper, responses: Mapping[Wording, int]) -> Paper:
    """The paper, in which those questions are pilots that had too few responses so far.

    If nothing were left that counts, all of them count: a result has to rest on something.

    Args:
        responses: how many there were to each of `wordings_to_count`; one that is missing had none.
    """
    new = _new(blueprint, paper, responses)
    return paper if len(new) == len(paper.questions) else paper.with_pilots(new)


def _new(blueprint: Blueprint, paper: Paper, responses: Mapping[Wording, int]) -> set[int]:
    wanted = wordings_to_count(blueprint, paper)
    few = {each for each in wanted if responses.get(each, 0) < blueprint.pilot_responses}
    return {q.position for q in paper.questions if (q.question_id, q.content_digest) in few}


def pilot_faults(blueprint: Blueprint, paper: Paper) -> Iterator[str]:
    """What cannot be right about the pilots of a stored paper, whatever was counted at its start."""
    for question in paper.questions:
        if question.is_pilot and not may_be_pilot(blueprint, question.section):
            yield f"question {question.question_id} is a pilot, and the Test has none in section {question.section}"
    if paper.questions and len(paper.pilots) == len(paper.questions):
        yield "all of its questions are pilots"
