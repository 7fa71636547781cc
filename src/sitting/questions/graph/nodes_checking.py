"""Nodes of both graphs that check: the deterministic gates, then those that ask a model, then the code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from sitting.domain.question import QuestionContent
from sitting.questions.code_check import CODE_OUTPUT
from sitting.questions.gates.meaning import SAME_MEANING
from sitting.questions.gates.near_duplicate import Others, QuestionIndex, near_duplicate
from sitting.questions.gates.registry import ITEM_GATES, NEAR_DUPLICATE
from sitting.questions.gates.verdict import Verdict, verdict
from sitting.questions.graph.asking import Ask, Call, Comparison, Reply, Verdicts, end_after
from sitting.questions.graph.nodes_writing import told, wants_repair
from sitting.questions.graph.state import Draft, Saved, Work, load, saved
from sitting.questions.graph.tools import Tools
from sitting.questions.graph.written import PLAIN_MARKDOWN, USABLE, judge_written
from sitting.questions.provider import Question
from sitting.questions.sandbox import SandboxFailed
from sitting.questions.solved import solve_verdicts
from sitting.questions.solving import SOLVE_GATES, Probe, Said, probes, question_of, read_answer, unanswered

REQUIRED = frozenset({USABLE, PLAIN_MARKDOWN, *ITEM_GATES, NEAR_DUPLICATE, *SOLVE_GATES, CODE_OUTPUT})
"""The gates that an item has to be through before anybody gets it."""
_THIS_RUN = "this run"


def is_checked(draft: Draft) -> bool:
    """Whether every gate has said that it does not fail: the one condition under which an item leaves a run."""
    return draft.is_open and {verdict.gate for verdict in draft.verdicts} >= REQUIRED


async def check(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """The deterministic gates, for items that have not been through them."""
    work = load(state.get("work"), Work)
    drafts, index = list(work.drafts), QuestionIndex()
    for place in sorted(range(len(drafts)), key=lambda place: not drafts[place].verdicts):  # those that stand first
        draft = drafts[place]
        if not draft.verdicts and not draft.trouble:
            draft = msgspec.structs.replace(draft, verdicts=await _judged(tools, draft.content, index))
        if draft.is_open:
            index.add(f"item {place + 1}", draft.content)
        drafts[place] = draft
        await asyncio.sleep(0)  # a millisecond for each is enough to hold others up
    work = msgspec.structs.replace(work, drafts=tuple(drafts))
    await tools.tell(told("check", work))
    return {"work": saved(work)}


async def _compare(ask: Ask, work: Work) -> tuple[Work, list[Reply]]:
    """The gate `same_meaning`, for items that passed all before: one question about all of them."""
    places = [place for place, draft in enumerate(work.drafts) if draft.is_open]
    places.sort(key=lambda place: not _has(work.drafts[place], [SAME_MEANING]))  # those that stand first
    if all(_has(work.drafts[place], [SAME_MEANING]) for place in places):
        return work, []

    async def comparison() -> Comparison:
        return Comparison([work.drafts[place].content for place in places])

    (reply,) = await ask([Call(f"{SAME_MEANING}/{_salt(work)}", comparison)])
    found = [None] * len(places) if reply.value is None else reply.read(Verdicts).verdicts
    drafts = list(work.drafts)
    for place, said in zip(places, found, strict=True):
        if not _has(drafts[place], [SAME_MEANING]):
            drafts[place] = _with_meaning(drafts[place], said, reply.trouble)
    return msgspec.structs.replace(work, drafts=tuple(drafts)), [reply]


def _with_meaning(draft: Draft, said: Verdict | None, trouble: str) -> Draft:
    if said is None:
        return msgspec.structs.replace(draft, trouble=f"unchecked by {SAME_MEANING}: {trouble}")
    return msgspec.structs.replace(draft, verdicts=(*draft.verdicts, said))


async def _judged(tools: Tools, content: QuestionContent, index: QuestionIndex) -> tuple[Verdict, ...]:
    beside = verdict(NEAR_DUPLICATE, near_duplicate(content, Others(_THIS_RUN, index), tools.gates))
    own = await asyncio.to_thread(judge_written, content)  # a long text of a model's may take a quarter of a second
    return (*own, *await tools.judge(content), beside)


async def solve(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """The gates that ask a model, for items that passed all before."""
    work = load(state.get("work"), Work)
    work, compared = (work, []) if tools.same_meaning is None else await _compare(ask, work)
    wanted = {
        place: probes(draft.content, _salt(work), tools.solve)
        for place, draft in enumerate(work.drafts)
        if draft.is_open and not _has(draft, SOLVE_GATES)
    }
    replies = await ask([_call(tools, work.drafts[at].content, at, each) for at in wanted for each in wanted[at]])
    answers = iter(replies)
    drafts = list(work.drafts)
    for place, asked in wanted.items():
        drafts[place] = _solved(drafts[place], asked, [next(answers) for _ in asked], tools)
    work = msgspec.structs.replace(work, drafts=tuple(drafts), end=end_after([*compared, *replies]))
    await tools.tell(told("solve", work))
    return {"work": saved(work)}


def _salt(work: Work) -> str:
    """What the orders of the options follow from, besides the item."""
    return work.order.key if work.order else ""


def _call(tools: Tools, content: QuestionContent, place: int, probe: Probe) -> Call:
    async def question() -> Question[Any]:
        return question_of(probe, content, tools.solve)

    return Call(f"{probe.gate}/{place}/{probe.number}", question)


def _solved(draft: Draft, asked: Sequence[Probe], replies: Sequence[Reply], tools: Tools) -> Draft:
    said = [_said(probe, reply) for probe, reply in zip(asked, replies, strict=True)]
    found = solve_verdicts(draft.content, said, tools.solve)
    draft = msgspec.structs.replace(draft, verdicts=(*draft.verdicts, *found))
    if draft.failures or len(found) == len(SOLVE_GATES):
        return draft
    why = next(each.failed for each in said if each.failed)
    missing = ", ".join(sorted(set(SOLVE_GATES) - {each.gate for each in found}))
    return msgspec.structs.replace(draft, trouble=f"unchecked by {missing}: {why}")


def _said(probe: Probe, reply: Reply) -> Said:
    if reply.value is None:
        return unanswered(probe, reply.trouble)
    return read_answer(probe, reply.value, reply.model, reply.prompt, reply.prompt_digest)


async def run_code(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """The gate that runs the code of a stem, for items that passed all before."""
    work = load(state.get("work"), Work)
    drafts = [await _run(tools, draft) for draft in work.drafts]
    work = msgspec.structs.replace(work, drafts=tuple(drafts))
    await tools.tell(told("run_code", work))
    return {"work": saved(work)}


async def _run(tools: Tools, draft: Draft) -> Draft:
    if not draft.is_open or not _has(draft, SOLVE_GATES) or _has(draft, [CODE_OUTPUT]):
        return draft
    try:
        found = await tools.check_code(draft.content)
    except SandboxFailed as fault:
        return msgspec.structs.replace(draft, trouble=f"unchecked by {CODE_OUTPUT}: {fault}")
    return msgspec.structs.replace(draft, verdicts=(*draft.verdicts, found))


def _has(draft: Draft, gates: Sequence[str]) -> bool:
    return {each.gate for each in draft.verdicts} >= set(gates)


def after_writing(state: Saved) -> str:
    """Where it goes on from `write`: to the gates, if there is something for them."""
    return "check" if load(state.get("work"), Work).drafts else "leave"


def after_gates(state: Saved) -> str:
    """Where it goes on from `run_code`: what did not pass is repaired, unless the run is to end."""
    work = load(state.get("work"), Work)
    return "repair" if work.end is None and any(wants_repair(draft) for draft in work.drafts) else "leave"
