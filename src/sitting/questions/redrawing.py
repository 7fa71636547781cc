"""A paper made again from what is stored: the proof that nobody chose it."""

from __future__ import annotations

from collections.abc import Mapping

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.paper import Paper
from sitting.domain.question import QuestionContent
from sitting.questions.drawing import Plan, draw_slots, make_paper, make_plan, paper_digests


def plan_of(version: PublishedVersion) -> Plan:
    """The plan by which all papers of that version are drawn."""
    return make_plan(version.blueprint, version.snapshot)


def redraw(plan: Plan, seed: str, contents: Mapping[str, QuestionContent]) -> Paper | None:
    """The paper that the version gives for that seed; equal, and of equal digest, to the one that was drawn then.

    Args:
        contents: by digest, as of a stored paper.

    Raises:
        ValueError, LookupError: the plan is not that of a version as it was published.

    Returns:
        None if the paper holds a content that is not among `contents`, and so is not the stored one.
    """
    slots = draw_slots(plan, seed)
    if not contents.keys() >= set(paper_digests(plan, slots)):
        return None
    return make_paper(plan, slots, contents, seed)
