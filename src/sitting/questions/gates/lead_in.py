"""The part of a stem that asks: its questions, or the sentence that the options complete."""

from __future__ import annotations

from collections.abc import Sequence

from sitting.questions.gates.text import Kind, Sentence, Text
from sitting.questions.gates.word_list import listed

ASKING = listed("which what who whom whose where when why how")
AUXILIARIES = listed(
    """
    is are was were am be been do does did has have had can could will would shall should may might must
    """
)
IMPERATIVES = listed(
    """
    choose select pick identify name complete fill find determine calculate compute indicate match mark give state
    tell decide estimate evaluate classify order arrange solve simplify predict
    """
)
_OPENERS = listed("in to at by on for with from of under into after before during according and so but then")


def lead_in(stem: Text) -> list[Sentence]:
    """The sentences that ask, in order; of a stem that only tells, the last sentence."""
    asking = [sentence for sentence in stem.sentences if is_question(sentence) or is_request(sentence)]
    spoken = [sentence for sentence in stem.sentences if sentence.words]
    if spoken and spoken[-1] not in asking and is_open(spoken[-1]):
        asking.append(spoken[-1])
    return asking or spoken[-1:]


def is_question(sentence: Sentence) -> bool:
    """Whether it ends with a question mark, or begins as a question does."""
    return sentence.end == "?" or (sentence.end in ("", ".", ":") and _begins_as_question(sentence.words))


def is_request(sentence: Sentence) -> bool:
    """Whether it tells the candidate to choose, to name, to complete …"""
    words = [word for word in sentence.words if word not in ("please", "now", "then")]
    return bool(words) and words[0] in IMPERATIVES


def is_open(sentence: Sentence) -> bool:
    """Whether it has no end yet, or a blank."""
    return sentence.end in ("", ":") or any(token.kind is Kind.BLANK for token in sentence.tokens)


def _begins_as_question(words: Sequence[str]) -> bool:
    """`Which of …`, `In which …`, `Does it …`; not `When it rains, …`, which asks nothing."""
    head = list(words[:3])
    while head and head[0] in _OPENERS:
        head.pop(0)
    if not head:
        return False
    if head[0] in ("which", "what", "who", "whom", "whose"):
        return True
    if head[0] in ("where", "when", "why", "how"):
        return len(head) > 1 and (head[1] in AUXILIARIES or head[0] == "how") and head[1] != "to"
    return words[0] in ("is", "are", "was", "were", "does", "do", "did", "can", "could", "should", "will", "would")
