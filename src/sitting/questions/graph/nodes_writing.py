"""Nodes of both graphs in which a model writes: a new item, or one that did not pass once more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from sitting.questions.gates.verdict import Verdict
from sitting.questions.graph.asking import Ask, Call, Reply, end_after
from sitting.questions.graph.state import Draft, Order, Saved, Work, load, saved
from sitting.questions.graph.tools import LiveTools, Told, Tools
from sitting.questions.graph.written import avoid_material, content_of, skill_material
from sitting.questions.prompt_answers import RepairedItem, WrittenItem, WrittenItems, WrittenOption
from sitting.questions.prompting import load_template, render
from sitting.questions.provider import Question

OPTIONS = 4
MOST_REPAIRS = 2
_TOKENS = 1000
"""Of an answer: for one item, and as many again for what stands around them."""
_MOST_FINDINGS = 4000


async def write(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """Have the items of the order written. An answer with none, or none at all, leaves no drafts."""
    work = load(state.get("work"), Work)
    order = work.order
    assert order is not None

    async def question() -> Question[Any]:
        return await _writing(tools, order, work.avoid)

    (reply,) = await ask([Call(f"write/{order.key}", question)])
    drafts = () if reply.value is None else await asyncio.to_thread(_drafts, reply, order)
    work = msgspec.structs.replace(work, drafts=drafts, trouble=reply.trouble, end=end_after([reply]))
    await tools.tell(told("write", work, reply.trouble))
    return {"work": saved(work)}


def _drafts(reply: Reply, order: Order) -> tuple[Draft, ...]:
    items = reply.read(WrittenItems).items[: order.count]
    return tuple(Draft(content_of(item, order), reply.lineage()) for item in items)


async def _writing(tools: Tools, order: Order, avoid: Sequence[str]) -> Question[Any]:
    words: dict[str, int | str] = {"difficulty": order.difficulty.value, "options": OPTIONS}
    material = {
        "skill": skill_material(order),
        "sub_skills": "\n".join(order.sub_skills),
        "avoid": avoid_material(avoid),
    }
    if order.for_candidate:
        assert isinstance(tools, LiveTools)
        words |= {"right": order.right, "wrong": order.wrong}
        material["resume"] = (await tools.resume())[:20_000]
        prompt = render(load_template("write_for_candidate"), words, material)
    else:
        prompt = render(load_template("write_items"), words | {"count": order.count}, material)
    return Question(prompt, WrittenItems, max_tokens=_TOKENS * (1 + order.count), seed=_seed(order.key))


async def repair(tools: Tools, ask: Ask, state: Saved) -> Saved:
    """Have each item repaired that did not pass; what comes back begins anew at the first gate."""
    work = load(state.get("work"), Work)
    order = work.order
    assert order is not None
    places = [place for place, draft in enumerate(work.drafts) if wants_repair(draft)]
    replies = await ask([_repairing(work.drafts[place], order) for place in places])
    drafts = list(work.drafts)
    for place, reply in zip(places, replies, strict=True):
        drafts[place] = _repaired(drafts[place], reply, order)
    work = msgspec.structs.replace(work, drafts=tuple(drafts), end=end_after(replies))
    await tools.tell(told("repair", work))
    return {"work": saved(work)}


def wants_repair(draft: Draft) -> bool:
    """Whether it makes sense to have it repaired."""
    return not draft.trouble and bool(draft.failures) and draft.lineage.repairs < MOST_REPAIRS


def _repairing(draft: Draft, order: Order) -> Call:
    key = f"repair/{draft.content.digest()}"

    async def question() -> Question[Any]:
        words: dict[str, int | str] = {"difficulty": order.difficulty.value, "options": OPTIONS}
        item = msgspec.json.encode(_as_written(draft)).decode()
        prompt = render(load_template("repair_item"), words, {"item": item, "findings": _findings(draft.failures)})
        return Question(prompt, RepairedItem, max_tokens=2 * _TOKENS, seed=_seed(f"{order.key}/{key}"))

    return Call(key, question)


def _as_written(draft: Draft) -> WrittenItem:
    content = draft.content
    right = content.right_options
    options = tuple(WrittenOption(each.text, each.id in right, each.feedback) for each in content.options)
    return WrittenItem(content.text, options, content.explanation)


def _findings(failures: Sequence[Verdict]) -> str:
    return "\n".join(f"- {each.gate} ({each.place}): {each.sentence}" for each in failures)[:_MOST_FINDINGS]


def _repaired(draft: Draft, reply: Reply, order: Order) -> Draft:
    if reply.value is None:
        return msgspec.structs.replace(draft, trouble=reply.trouble)
    answer = reply.read(RepairedItem)
    if answer.given_up:
        return msgspec.structs.replace(draft, trouble="given_up: the model says that it cannot be repaired")
    return Draft(content_of(answer.item, order), reply.lineage(draft.lineage.repairs + 1))


def told(node: str, work: Work, note: str = "") -> Told:
    """What listeners hear at the end of a node."""
    order, note = work.order, note or (work.end.reason if work.end else "")
    if order is None:
        return Told(node, note=note)
    items = sum(draft.is_open for draft in work.drafts)
    return Told(node, order.skill, order.difficulty.value, order.position, items, note)


def _seed(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4]) >> 1
