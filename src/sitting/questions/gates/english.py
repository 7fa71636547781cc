"""English words that carry little, and the stem of a word."""

from __future__ import annotations

import re
from functools import lru_cache

from sitting.questions.gates.word_list import listed

FUNCTION_WORDS = listed(
    """
    a about above across after again against ago all almost alone along already also although always am among an and
    another any anybody anyone anything are aren't around as at away back be because been before behind being below
    beside besides between beyond both but by can can't cannot could couldn't did didn't do does doesn't doing don't
    done down during each either else enough even ever every everybody everyone everything except far few first for
    from further get gets getting given gives go goes going gone had has hasn't have haven't having he hence her
    here hers him his how however i if in indeed inside instead into is isn't it it's its itself just last later
    latter least less let lets like likely made main make makes making many may me might mine more most much must my
    near nearly need needs neither never next no nobody none nor not nothing now of off often on once one ones only
    onto or other others otherwise ought our ours out outside over own part per perhaps quite rather same see seen
    several shall she should shouldn't since so some somebody someone something sometimes somewhere soon still such
    than that that's the their theirs them themselves then there therefore these they this those though three
    through throughout thus till to together too toward towards two under unless unlike until up upon us use used
    uses using usually very via was wasn't way ways we well were weren't what whatever when whenever where whether
    which whichever while who whoever whole whom whose why will with within without won't would wouldn't yet you
    your yours
    """
)

GRAMMAR_WORDS = listed(
    """
    a an the this that these those such one ones two three four five no not nor and or but if than then as so too of in
    on at to by for from with without into onto upon via there here it its they them their he him his she her you your
    we us our i who whom whose which what where when why how is are was were am be been being isn't aren't wasn't
    weren't do does did done doesn't don't didn't has have had hasn't haven't can could cannot can't may might must
    shall should will would won't
    """
)
"""The words that hold a sentence together; other function words, such as next and inside, have a meaning."""

COMMON_WORDS = listed(
    """
    able act action actual add answer answers apply ask asked asks bad based become becomes been begin begins best
    better big bring brings call called calls cannot case cases cause caused causes certain change changed changes
    choose clear come comes common complete consider contain contained contains correct correctly create created
    creates day days describe described describes description different difference directly does done earlier early
    easy effect end ends equal example examples exactly exist exists explain explains fact false fast feature find
    finds follow followed following follows form found four full general give given good great group half happen
    happens hard help helps high higher hold holds important include included includes increase keep keeps kept kind
    kinds know known large larger largest late later lead leads leave leaves left level line list little long longer
    look looks lot low lower mainly mean meaning means meant method moment most move moves name named names
    necessary new none normal number numbers occur occurs old open option options order original output pair part
    particular people person place point possible present print printed prints produce produced produces program
    proper property provide provides purpose put puts question quick quickly reason receive receives refer refers
    remain remains result results return returned returns right role run running runs said say says second set sets
    show shown shows simple simply single small smaller smallest something start started starts state stated
    statement statements stay stays step steps stop stops take taken takes tell tells term terms test thing things
    third time times total true try turn turns type types typical typically value values want wants word words work
    works write written wrong year years yes fit fits happened hour hours minute minutes first always never main
    major minor user users customer customers client clients server servers service services programs script scripts
    file files page pages row rows request requests response responses somebody allow allows allowed let require
    required requires primary principal chief function functions remaining basic
    """
)

NEGATIONS = listed("not no never none nor neither cannot except least")
_IRREGULAR = {
    "children": "child", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot", "teeth": "tooth",
    "indices": "index", "vertices": "vertex", "matrices": "matrix", "criteria": "criterion", "data": "data",
    "written": "write", "wrote": "write", "sent": "send", "held": "hold", "kept": "keep", "built": "build",
    "lost": "lose", "grew": "grow", "grown": "grow", "ran": "run", "chosen": "choose", "chose": "choose",
    "began": "begin", "begun": "begin", "broken": "break", "broke": "break", "bought": "buy", "sold": "sell",
}  # fmt: skip
_ENDINGS = re.compile(
    r"(?:izations?|isations?|ational|ations?|ifications?|ically|ments?|nesses|ness|ities|ity|ings?|ions?|ively|ives?|"
    r"ably|ibly|ables?|ibles?|ances?|ences?|ants?|ents?|ers?|ors?|ies|ied|ized?|ised?|izes|ises|als?|edly|ed|ly|es|s|e|y)$"
)
_SHORTEST = 4


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What words of one family have in common: encrypts, encrypted and encryption give one stem.

    A light stripping of endings (after Lovins 1968); it joins a little too much rather than too little.
    """
    word = word.lower().replace("’", "'").removesuffix("'s").removesuffix("'")
    word = _IRREGULAR.get(word, word)
    for _ in range(2):
        found = _ENDINGS.search(word)
        if found is None or found.start() < _SHORTEST or word.endswith("ss"):
            break
        word = word[: found.start()]
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if word.endswith(("e", "s")) and len(word) > _SHORTEST and not word.endswith("ss") else word


@lru_cache(maxsize=50_000)
def syllables(word: str) -> int:
    """About how many syllables an English word has; at least 1. Groups of vowels, less the silent e."""
    word = re.sub(r"[^a-z]", "", word.lower())
    if re.search(r"[^aeiouylr]es?$|[^aeioutd]ed$", word) and not re.search(r"(?:[sxz]|ch|sh|[cg])es$", word):
        word = re.sub(r"e[sd]?$", "", word)
    groups = re.findall(r"[aeiouy]+", word)
    return max(1, len(groups) + len(re.findall(r"i[ao](?!u)|eo|ism$", word)) - len(re.findall(r"[ct]i[ao]", word)))


def is_plain(word: str) -> bool:
    """Whether the word stands in texts of any subject."""
    return word in FUNCTION_WORDS or word in COMMON_WORDS
