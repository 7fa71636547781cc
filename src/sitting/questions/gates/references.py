"""How an option speaks of the other options: “any of the above”, “in two of these places”, “the first and the third”.

The patterns are for options in small letters, with commas, slashes, ampersands and brackets as their only marks.
"""

from __future__ import annotations

import re

_AMOUNT = (
    r"(?:all|none|any|both|neither|either|each|every ?one|every|one|two|three|four|several|some|most|many|half|no|"
    r"more than one|at least (?:one|two)|not (?:one|any|all)|whichever|whatever|everything|nothing|anything|"
    r"(?:a |some )?(?:combination|mixture|mix|bit)|parts?)"
)
_WHOLE = r"(?:all|none|any|both|neither|either|each|every ?one|everything|nothing|anything|something)"
_META = r"(?:options?|answers?|choices?|alternatives?)"
_LISTED = r"(?:listed|named|given|mentioned|offered|proposed|suggested)"
_RIGHT = r"(?:correct|right|true|wrong|false|incorrect|possible|valid|suitable|acceptable)"
_ONE_NTH = rf"(?:the )?(?:first|second|third|fourth|fifth|last|former|latter)(?: (?:one|{_META}))?"
_NTHS = rf"{_ONE_NTH}(?:, {_ONE_NTH})*,? (?:and|or|nor|&|as well as|plus|with) {_ONE_NTH}"
_JOINED = r"(?: (?:together|alone|only|alike|at once|combined|in turn))?"
_BEFORE = r"(?:(?!and |or )[\w'-]+ )"
_ONES = r"(?:(?:that|what|which|the|the ones|the [\w-]+|those) )?"
_GENERIC = (
    r"(?:reason|cause|way|method|mean|place|time|moment|person|people|number|amount|value|thing|statement|claim|item|word|"
    r"name|term|kind|case|point|figure|effect|result|fact|step|explanation|description|definition|example)s?"
)

ABOVE = re.compile(
    r"\b(?:the|of) (?:above|foregoing|preceding|aforementioned)\b"
    rf"|^{_BEFORE}{{0,3}}?{_AMOUNT} (?:of )?(?:(?:the|these|those) )?(?:[\w-]+ ){{0,2}}?(?:above|below)(?: {_RIGHT})?$"
    rf"|^{_BEFORE}{{0,2}}?{_WHOLE} (?:of )?{_ONES}(?:(?:is|are|was) )?{_LISTED}$"
    rf"|\b(?:{_LISTED}|shown|stated) (?:above|below|here)\b"
    rf"|\b(?:right|correct|true) (?:[\w-]+ )?(?:is |are )?(?:not|missing)(?: {_LISTED}| here| above|$)"
    r"|\b(?:not|missing) (?:in|from|on|among) (?:the|this) list\b"
)
"""The place where the others stand."""

META = re.compile(
    rf"^{_BEFORE}{{0,2}}?(?:{_WHOLE}|(?:more than |at least |not )?(?:one|two|three)|several|some|most) (?:of )?"
    rf"(?:(?:the|these|those|them) )?(?:(?!of )[\w-]+ )?{_META}\b"
    rf"|\b(?:the |as )(?:other|others|first|second|third|last|two|three|same|right|correct) {_META}\b"
    rf"|\b(?:another|a different|some other|no (?:right|correct|true|such|other|valid)) (?:[\w-]+ )?{_META}\b"
    rf"|\bno {_META} (?:is|are|above|here|given|fits|applies)\b"
    rf"|^(?:(?:in|by|for|with|at|on) )?(?:{_AMOUNT} (?:of )?)?the others?(?: (?:two|three|four|ones?))?$"
)
"""The name of what they are."""

NTH = re.compile(
    r"\b(?:both|either|neither|one|any|all|none|each|two) (?:of )?the (?:first|last|former|latter|other)\b"
    rf"|^(?:[\w-]+ ){{0,2}}?(?:both |either |neither |only )?{_NTHS}(?: {_META})?{_JOINED}$"
    rf"|^(?:the )?(?:first|last|other) (?:two|three){_JOINED}$"
)
"""Their numbers."""

JUDGED = re.compile(
    rf"(?:^|, |\bbut ){_AMOUNT}(?: one| of (?:them|these|those))?(?: are| is)(?: (?:all|both|equally))? {_RIGHT}\b"
    r"|(?:^|, |\bbut )(?:all|any|each)(?: one| of (?:them|these|those))? (?:may|can|could|might|would|must)(?: all)?"
    rf" be (?:equally )?{_RIGHT}\b|^they (?:are )?(?:all|both)(?: are)? {_RIGHT}\b"
    r"|^(?:something|someone|somebody|somewhere) (?:quite |entirely )?(?:else|different)(?: entirely| altogether)?$"
)
"""That they are right or wrong, or that something else is."""

KIND = re.compile(
    rf"^{_BEFORE}{{0,2}}?(?:another|a different|some other|{_AMOUNT}) (?:of )?(?:(?:the|these|those|such|other) )?"
    r"([\w-]+)\b"
)
"""An amount of something: of the options, if it is what the stem asks for."""

THESE = re.compile(
    rf"^{_BEFORE}{{0,3}}?{_AMOUNT} (?:of )?(?:such |all )?(?:these|those)\b"
    rf"|^{_BEFORE}{{0,2}}?(?:{_WHOLE}|two|several|some|most|more than one) of the {_GENERIC}$"
    rf"|^{_BEFORE}{{0,2}}?(?:both|either|neither) {_GENERIC}$"
    rf"|^{_BEFORE}{{0,1}}?{_WHOLE} (?:of )?(?:this|that|the (?:kind|sort|lot))$|^{_BEFORE}{{0,2}}?{_AMOUNT} of both$"
    r"|^(?:all|none|both|neither|any|each) of them$"
)
"""“These”: in an option it seldom means anything but the options."""

THEM = re.compile(
    rf"^{_BEFORE}{{0,2}}?{_AMOUNT} of (?:them|the (?:two|three|four|five|lot))\b"
    r"|^all (?:three|four|five)$|^(?:both|neither|either)(?: one| together| at once| equally| alike)?$|^they all\b"
    r"|^(?:they|all|both)(?: [\w-]+){0,3} (?:equal|equally|the same|alike)\b"
    rf"|^{_WHOLE}(?: of them)?(?: (?:do|would|may|can|could))? "
    r"(?:apply|applies|fits?|counts?|works?|qualify|qualifies)(?: equally| well)?$"
)
"""“Them”: the options, or what the stem has told of."""
