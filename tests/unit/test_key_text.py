from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.key_text import given_text, key_text
from sitting.domain.question import QuestionType
from tests.support.plain_questions import content_from
from tests.support.samples import content


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"type": "true_false", "options": ["o_t", "o_f"], "right": ["o_f"]}, "text o_f"),
        (
            {"type": "multiple_response", "options": ["o_a", "o_b", "o_c"], "right": ["o_a", "o_c"]},
            "text o_a; text o_c",
        ),
        ({"type": "numeric", "numbers": [{"value": "1.50", "tolerance": "0.0"}]}, "1.50"),
        (
            {
                "type": "numeric",
                "unit": "m",
                "numbers": [{"value": "1", "tolerance": "0.5"}, {"value": "2", "credit": 333}],
            },
            "1 ± 0.5 m or 2 m (33.3 %)",
        ),
        (
            {
                "type": "short_text",
                "accepted": [
                    {"text": "yes"},
                    {"text": "ja*", "match": "wildcard", "credit": 500},
                    {"text": "o+ui", "match": "pattern"},
                ],
            },
            "yes or ja* (50 %) or /o+ui/",
        ),
    ],
)
def test_key_of_each_kind_is_told_in_words(question: dict[str, Any], said: str) -> None:
    assert key_text(content_from(question)) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (CLEARED, None),
        (GivenAnswer("o_1b"), "choice b of 1"),
        (GivenAnswer(selected_options=("o_1a", "o_1c")), "choice a of 1; choice c of 1"),
        (GivenAnswer(value=" as typed "), " as typed "),
        (GivenAnswer("o_gone"), "o_gone"),
    ],
)
def test_answer_of_each_kind_is_told_in_words(given: GivenAnswer, said: str | None) -> None:
    assert given_text(content(type=QuestionType.SINGLE_CHOICE), given) == said
