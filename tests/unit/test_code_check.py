"""The gate that runs the code of a stem: the key has to say what the code does, and no other option may."""

from __future__ import annotations

import pytest

from sitting.domain.question import QuestionContent
from sitting.questions.code_check import check_code, program_of
from sitting.questions.gates import Outcome
from sitting.questions.sandbox import Ending, Ran, Sandbox, open_sandbox
from tests.support.items import item


@pytest.fixture
async def sandbox() -> Sandbox:
    return await open_sandbox()


def printing(code: str, key: str, *distractors: str, asks: str = "What does this print?") -> QuestionContent:
    return item(f"{asks}\n\n```python\n{code}\n```", key, *distractors)


async def outcome(content: QuestionContent, sandbox: Sandbox | None) -> Outcome:
    return (await check_code(content, sandbox)).outcome


@pytest.mark.parametrize(
    "content",
    [
        printing("print([1, 2] * 2)", "`[1, 2, 1, 2]`", "`[2, 4]`", "`[1, 1, 2, 2]`"),
        printing("print('ab'[::-1])", "ba", "ab", "An error"),
        printing("for n in range(3):\n    print(n)", "`0, 1, 2`", "`1, 2, 3`", "`0, 1, 2, 3`"),
        printing("print(1, 2)\nprint(3)", "1 2 3", "1, 2, 3, 4", "6"),
        printing("print({} == [])", "False", "True", "A `TypeError` is raised"),
        printing("(1, 2)[2] = 3", "A `TypeError`", "An `IndexError`", "`(1, 2, 3)`", asks="What is the output?"),
        printing("print(int('x'))", "It raises an exception", "`0`", "`None`"),
        printing("def f(n):\n    return n * 2", "`'aa'`", "`aa2`", "`4`", asks="What does `f('a')` return?"),
        printing("x = [3, 1]\nsorted(x)", "`[1, 3]`", "`[3, 1]`", "`None`", asks="Which value is returned?"),
    ],
)
async def test_key_that_says_what_the_code_does_passes(sandbox: Sandbox, content: QuestionContent) -> None:
    verdict = await check_code(content, sandbox)
    assert (verdict.gate, verdict.outcome) == ("code_output", Outcome.PASSED), verdict
    assert verdict.evidence["options"] == ["o_key"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (printing("print([1, 2] * 2)", "`[2, 4]`", "`[1, 2, 1, 2]`", "`4`"), "as the wrong option “[1, 2, 1, 2]” does"),
        (printing("print(7 // 2)", "`3.5`", "`4`", "`2`"), "says “3”, and no option does"),
        (printing("print(1)", "A `ValueError`", "`2`", "`3`"), "says “1”, and no option does"),
        (printing("print(nope)", "A `ValueError`", "`2`", "A `NameError`"), "as the wrong option “A NameError” does"),
        (printing("while True: pass", "It never ends", "1", "2"), "does not come to an end as it should: too_slow"),
        (printing("print(id(object()), __import__('random').random())", "1", "2", "3"), "not do the same twice"),
        (printing("print('1')", "`1`", "`'1'`", "`1 `"), "as the wrong option"),
    ],
)
async def test_key_that_the_code_contradicts_fails(sandbox: Sandbox, content: QuestionContent, found: str) -> None:
    verdict = await check_code(content, sandbox)
    assert verdict.outcome is Outcome.FAILED
    assert found in verdict.sentence


@pytest.mark.parametrize(
    "content",
    [
        item("What does this print? `print(1)`", "1", "2", "3"),
        item("What does this print?\n\n```sql\nSELECT 1\n```", "1", "2", "3"),
        printing("x = 1", "It is bound", "It is copied", "It is deleted", asks="What happens to the name?"),
        printing("import numpy\nprint(numpy.ones(1))", "[1.]", "[1]", "1"),
        printing("import threading\nthreading.Thread(target=print, args=(1,)).start()", "1", "2", "3"),
        printing("print([])", "An empty list, in brackets", "The word None", "A blank line"),
    ],
)
async def test_what_cannot_be_held_against_a_run_is_not_judged(sandbox: Sandbox, content: QuestionContent) -> None:
    assert await outcome(content, sandbox) is Outcome.NOT_APPLICABLE


async def test_nothing_is_run_without_a_sandbox() -> None:
    content = printing("print(1)", "`2`", "`1`", "`3`")
    assert program_of(content) is not None
    verdict = await check_code(content, None)
    assert (verdict.outcome, verdict.sentence) == (
        Outcome.NOT_APPLICABLE,
        "No sandbox is configured that could run its code.",
    )


class Recorded:
    """Gives back what it was told, and counts."""

    def __init__(self, *said: Ran) -> None:
        self.said = list(said)

    async def run(self, source: str) -> Ran:
        return self.said.pop(0)


async def test_code_is_run_twice_and_has_to_do_the_same() -> None:
    content = printing("print({'a', 'b'})", "`{'a', 'b'}`", "`{'b', 'a', 'c'}`", "`[]`")
    one, other = Ran(Ending.FINISHED, "{'a', 'b'}\n", ""), Ran(Ending.FINISHED, "{'b', 'a'}\n", "")
    assert (await check_code(content, Recorded(one, one))).outcome is Outcome.PASSED
    assert (await check_code(content, Recorded(one, other))).outcome is Outcome.FAILED
