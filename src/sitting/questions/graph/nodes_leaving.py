"""What both graphs do where items leave them, and before they begin another."""

from __future__ import annotations

import msgspec

from sitting.questions.graph.asking import MOST_IN_VAIN, Ask
from sitting.questions.graph.nodes_checking import is_checked
from sitting.questions.graph.nodes_writing import told
from sitting.questions.graph.state import Draft, End, Order, Saved, Status, Work, load, saved
from sitting.questions.graph.tools import Proposal, Tools
from sitting.questions.graph.written import LONGEST_AVOIDED, MOST_AVOIDED


async def look_in_bank(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """What exists about the skill of the order, so that it is not written again."""
    work = load(state.get("work"), Work)
    assert work.order is not None
    stems = await tools.stems(work.order.skill, work.order.difficulty)
    work = msgspec.structs.replace(work, avoid=tuple(stem[:LONGEST_AVOIDED] for stem in stems[:MOST_AVOIDED]))
    await tools.tell(told("look_in_bank", work))
    return {"work": saved(work)}


def proposals(work: Work, *, accept: bool = False) -> list[Proposal]:
    """The items that may leave, which only those may that every gate has passed."""
    assert work.order is not None
    return [
        Proposal(f"{work.order.key}/{place}", draft.content, draft.verdicts, draft.lineage, accept)
        for place, draft in enumerate(work.drafts)
        if is_checked(draft)
    ]


def next_work(work: Work, used: int, order: Order | None) -> Work:
    """The work at the next order, once `used` items of this one have left; without an order the caller ends it."""
    failed = bool(work.trouble) or any(draft.trouble.startswith("unchecked") for draft in work.drafts)
    in_vain = 0 if used else work.in_vain + failed
    end = work.end
    if end is None and in_vain >= MOST_IN_VAIN:
        sentence = f"the model failed {in_vain} times in a row; the last time: {why_not(work)}"
        end = End(Status.BANK_SERVES, sentence)
    return Work(order=None if end else order, in_vain=in_vain, end=end)


def why_not(work: Work) -> str:
    """Why this order has brought less than it should, in a line."""
    if work.end is not None:
        return work.end.reason
    reasons = [work.trouble, *(_reason(draft) for draft in work.drafts if not is_checked(draft))]
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))[:500] or "the model wrote nothing new"


def _reason(draft: Draft) -> str:
    failures = ", ".join(verdict.gate for verdict in draft.failures)
    return draft.trouble or (f"failed {failures}" if failures else "unchecked")
