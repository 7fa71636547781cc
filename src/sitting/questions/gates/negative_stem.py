"""The gate `negative_stem`: what turns the question round must be emphasised (Haladyna 2002, 17)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sitting.questions.gates.item import Item
from sitting.questions.gates.lead_in import ASKING, AUXILIARIES, IMPERATIVES, lead_in
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Sentence, Token
from sitting.questions.gates.verdict import STEM, Finding, failed, passed
from sitting.questions.gates.word_list import listed

_HAVING = listed("is are was were has have had")
_NEGATIVES = listed("not never except excepting least cannot")
_CLAUSES = listed(
    """
    that who whose if when whenever while because since as although though so unless until whether before after
    where wherever why once than which
    """
)
_CHOSEN = listed(
    """
    one ones option options statement statements choice answer answers thing claim claims item items alternative
    following something example examples these those sentence
    """
)
_EXCEPT_NOUNS = listed("clause clauses block blocks statement branch branches handler handlers keyword")
_LEAST_COMPOUNDS = listed(
    """
    one once two three four five six seven eight nine ten half twice a an as some every recently frequently common
    squares square significant privilege privileges upper fixed element cost action used astonishment surprise
    connections resistance concern
    """
)
_MOST_WORDS = 200
"""Of a sentence; what is longer than that does not get through `reading_level`."""
_ALL_BUT = re.compile(
    r"\b(?:all|each|every one|any|none) (?:of )?(?:the |these |those |them |following |\w+ )*?except\b"
)


def negative_stem(item: Item, settings: GateSettings) -> Finding:
    """“Not”, “except”, “never” and “least” stand in **bold** or in CAPITALS where they turn the question round."""
    asking = lead_in(item.stem)
    known = set(map(id, asking))
    stray = [
        each
        for each in item.stem.sentences
        if id(each) not in known and _ALL_BUT.search(" ".join(each.words[:_MOST_WORDS]))
    ]
    found = [(token, sentence) for sentence in (*stray, *asking) for token in negatives(sentence)]
    plain = [token.text for token, sentence in found if not _is_emphasised(token, sentence)]
    if not plain:
        return passed(STEM, negatives=[token.text for token, _ in found])
    words = list(dict.fromkeys(plain))
    listed = ", ".join(f"“{word}”" for word in words)
    sentence = f"{listed} is easily overlooked; ask for what is so, or write it in **bold** or CAPITALS."
    return failed(STEM, sentence, words=words)


def negatives(sentence: Sentence) -> Iterator[Token]:
    """The words that turn round what is asked; those of a clause that only describes are none."""
    words = [token for token in sentence.tokens if token.kind is not Kind.MARK or token.text == ","][:_MOST_WORDS]
    start = _start(words)
    for place in range(start, len(words)):
        token = words[place]
        if token.kind is Kind.WORD and _negates(words, place) and _turns(words, start, place):
            yield token


def _start(words: Sequence[Token]) -> int:
    """Where the asking begins: at the last question word or request behind a comma, else at the first, else at 0."""
    asking = [place for place, token in enumerate(words) if _asks(token)]
    behind_comma = [
        place for place in asking if place and words[place - 1].text == "," and _is_followed_by_verb(words, place)
    ]
    if asking and asking[0] > 1 and behind_comma:
        return behind_comma[-1]
    return asking[0] if asking else 0


def _asks(token: Token) -> bool:
    return token.kind is Kind.WORD and (
        token.folded in IMPERATIVES or (token.folded in ASKING and token.folded != "when")
    )


def _is_followed_by_verb(words: Sequence[Token], place: int) -> bool:
    return any(token.folded in AUXILIARIES or token.folded in IMPERATIVES for token in words[place : place + 8])


def _negates(words: Sequence[Token], place: int) -> bool:
    said = words[place].folded
    before = words[place - 1].folded if place else ""
    after = words[place + 1].folded if place + 1 < len(words) else ""
    if said == "least":
        return before not in ("at", "the least of") and after not in _LEAST_COMPOUNDS and _grades(after)
    if said == "except":
        return after not in _EXCEPT_NOUNS and before != "the"
    if said == "no":
        return before in _HAVING and after not in ("more", "longer", "less", "fewer", "later", "sooner")
    if said == "not":
        return before not in ("or", "and", "but", "if", ",", "why", "whether", "") and after not in ("only", "to")
    return said in _NEGATIVES or said.endswith("n't")


def _grades(word: str) -> bool:
    """Whether `least` before it is “the least suitable” and not “the least work”."""
    return word.endswith(
        ("ly", "able", "ible", "ant", "ent", "ive", "ful", "al", "ous", "ed", "ing", "ic", "ate", "some")
    ) or (
        word
        in ("safe", "secure", "true", "correct", "sure", "well", "fit", "apt", "prone", "sensitive", "robust", "stable")
    )


def _turns(words: Sequence[Token], start: int, place: int) -> bool:
    """Whether the word belongs to what is asked, and not to a clause within it."""
    said = [token.folded if token.kind in (Kind.WORD, Kind.MARK) else "code" for token in words[start:place]]
    if said and said[0] == "why":
        return False
    clause = max((at for at, word in enumerate(said) if at and word in _CLAUSES), default=None)
    if clause is None or "," in said[clause:]:
        return not (said and said[-1] == ",") or _is_at_end(words, place)
    if said[clause] in ("that", "who", "which") and _chooses(said, clause):
        return True
    auxiliary = bool(
        set(said[:clause]) & {"do", "does", "did", "should", "would", "can", "could", "will", "must", "is", "are"}
    )
    stands_free = words[place].folded in ("not", "never") and (said[-1] not in AUXILIARIES)
    return auxiliary and stands_free and said[clause] in ("that", "who", "which") and len(said) - clause > 1


def _is_at_end(words: Sequence[Token], place: int) -> bool:
    """Whether it is an “except” behind which the options follow: “…, except”, “…, except to”."""
    return words[place].folded.startswith("except") and place + 2 >= len(words)


def _chooses(said: Sequence[str], clause: int) -> bool:
    """Whether the clause says what is to be chosen: “the one that is not …”, “which of the files that … is not …”."""
    if said[clause - 1] in _CHOSEN:
        return True
    head = said[2:clause]
    return (
        len(said) > 1
        and said[1] == "of"
        and len(head) > 1
        and head[-1].endswith("s")
        and not set(head[1:]) & {"a", "an", "the"}
    )


def _is_emphasised(token: Token, sentence: Sentence) -> bool:
    """Bold, or in capitals; where the whole sentence is so, nothing is."""
    words = [each for each in sentence.tokens if each.kind is Kind.WORD]
    if token.strong and not all(each.strong for each in words):
        return True
    letters = re.sub(r"[^\w]", "", token.text)
    is_capital = letters.isupper() or token.text.endswith(("N'T", "N’T", "NOT"))
    return is_capital and not all(each.text.isupper() for each in words)
