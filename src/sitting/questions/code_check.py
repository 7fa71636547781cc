"""The gate `code_output`: Python in a stem that asks what it prints or returns is run; the key has to say just that."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, Protocol

from sitting.domain.question import QuestionContent, QuestionType
from sitting.kit.markup.parsing import MAX_LENGTH, language, read
from sitting.questions.gates.item import Choice, Item
from sitting.questions.gates.text import Kind
from sitting.questions.gates.verdict import (
    KEY,
    STEM,
    Finding,
    Outcome,
    Verdict,
    failed,
    not_applicable,
    passed,
    verdict,
)
from sitting.questions.sandbox import Ending, Ran

CODE_OUTPUT = "code_output"
MOST_SHOWN = 500
"""Characters of an output in the evidence."""
_PYTHON = frozenset({"python", "py", "python3", "py3"})
_PRINTS = re.compile(r"\b(?:print|prints|printed|output|outputs|display|displays|displayed|shown)\b", re.IGNORECASE)
_RETURNS = re.compile(r"\b(?:return|returns|returned|evaluate|evaluates|value|result|results)\b", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:what|which)\b", re.IGNORECASE)
_SOME_ERROR = re.compile(r"\b(?:errors?|exceptions?|raises?|fails?|crash(?:es)?)\b", re.IGNORECASE)
_NAMED_ERROR = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Iteration|Exit|Interrupt|Warning)\b")
_COMES_TO_AN_END = (Ending.FINISHED, Ending.RAISED)
_NOT_HERE = ("ModuleNotFoundError", "ImportError", "RuntimeError: can't start new thread", "OSError", "PermissionError",
             "BlockingIOError", "FileNotFoundError")  # fmt: skip


class Runs(Protocol):
    """What runs code; `Sandbox` is."""

    async def run(self, source: str) -> Ran: ...


@dataclass(frozen=True, slots=True)
class Program:
    """The code of a stem, made so that what is asked for is the last thing that it prints.

    Attributes:
        last_line: whether only the last line counts, since the code may print other things before.
    """

    source: str
    last_line: bool


def program_of(content: QuestionContent) -> Program | None:
    """The code to run; None if the stem does not ask what some Python prints or returns."""
    if content.type is not QuestionType.SINGLE_CHOICE or len(content.text) > MAX_LENGTH:
        return None
    tokens = read(content.text, inline=False)
    blocks = [token.content for token in tokens if token.type == "fence" and language(token) in _PYTHON]
    asked = Item(content).stem.prose
    if len(blocks) != 1 or not _ASKS.search(asked):
        return None
    if _PRINTS.search(asked):
        return Program(blocks[0], last_line=False)
    return _returning(content, blocks[0]) if _RETURNS.search(asked) else None


def _returning(content: QuestionContent, code: str) -> Program | None:
    """The code with a call printed that the stem's prose names, or its own last expression."""
    named = [piece.text for piece in Item(content).stem.pieces if piece.kind is Kind.CODE and _is_call(piece.text)]
    if named:
        return Program(f"{code}\nprint(repr({named[-1]}))\n", last_line=True)
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return None
    shown = ast.unparse(tree.body[-1])
    tree.body.pop()
    return Program(f"{ast.unparse(tree)}\nprint(repr({shown}))\n", last_line=True)


def _is_call(text: str) -> bool:
    try:
        return isinstance(ast.parse(text.strip(), mode="eval").body, ast.Call)
    except (SyntaxError, ValueError):
        return False


async def check_code(content: QuestionContent, sandbox: Runs | None) -> Verdict:
    """What the gate says of an item; without a sandbox it says that it is not applicable.

    Raises:
        SandboxFailed: the code could not be run, so the item is as unchecked as before.
    """
    program = program_of(content)
    if program is None:
        return verdict(CODE_OUTPUT, not_applicable("Its stem does not ask what some Python prints or returns."))
    if sandbox is None:
        return verdict(CODE_OUTPUT, not_applicable("No sandbox is configured that could run its code.", STEM))
    first = await sandbox.run(program.source)
    again = await sandbox.run(program.source) if first.ending in _COMES_TO_AN_END else first
    return verdict(CODE_OUTPUT, _found(Item(content), program, first, again))


def _found(item: Item, program: Program, ran: Ran, again: Ran) -> Finding:
    shown = _shown(program, ran)
    evidence: dict[str, Any] = {
        "ending": str(ran.ending),
        "output": shown[:MOST_SHOWN],
        "error": ran.error[:MOST_SHOWN],
    }
    if ran.ending not in _COMES_TO_AN_END:
        return failed(STEM, f"Its code does not come to an end as it should: {ran.ending}.", **evidence)
    if ran.error.startswith(_NOT_HERE) and not any(_says_error(choice, ran.error) for choice in item.choices):
        return Finding(Outcome.NOT_APPLICABLE, "Its code needs what the sandbox has not got.", STEM, evidence)
    if (shown, ran.error) != (_shown(program, again), again.error):
        return failed(STEM, "Its code does not do the same twice, so no option can say what it does.", **evidence)
    saying = [choice for choice in item.choices if _says(choice, program, ran)]
    evidence |= {"options": [choice.id for choice in saying]}
    if saying:
        return _judged(saying, shown or ran.error, evidence)
    if all(_is_literal(choice) for choice in item.choices):
        return failed(KEY, f"The code says “{(ran.error or shown)[:80]}”, and no option does.", **evidence)
    return Finding(Outcome.NOT_APPLICABLE, "Its options do not say literally what is printed.", KEY, evidence)


def _judged(saying: list[Choice], said: str, evidence: dict[str, Any]) -> Finding:
    wrong = [choice for choice in saying if not choice.is_key]
    if wrong:
        sentence = f"The code says “{said[:80]}”, as the wrong option “{wrong[0].text.shown[:80]}” does."
        return failed(KEY, sentence, **evidence)
    return passed(KEY, **evidence)


def _shown(program: Program, ran: Ran, between: str = " ") -> str:
    """What counts of the output, with each run of white space as one space, and that between its lines."""
    lines = ran.output.strip().splitlines()
    return between.join(" ".join(line.split()) for line in (lines[-1:] if program.last_line else lines) if line.strip())


def _says(choice: Choice, program: Program, ran: Ran) -> bool:
    if ran.ending is Ending.RAISED:
        return _says_error(choice, ran.error)
    text = choice.text.shown
    spelled = {_shown(program, ran, between) for between in (" ", ", ", ",")}
    return text in spelled or any(_value(text) == _value(shown) is not None for shown in spelled)


def _says_error(choice: Choice, error: str) -> bool:
    """Whether the option says that just this is raised, or just that something is."""
    named = _NAMED_ERROR.findall(choice.text.shown)
    return error.partition(":")[0] in named if named else bool(_SOME_ERROR.search(choice.text.prose))


def _value(text: str) -> tuple[str, object] | None:
    """A literal by its kind and value, so that `"a"` and `'a'` are one, and 1 and True are not."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return type(value).__name__, value


def _is_literal(choice: Choice) -> bool:
    """Whether the option is nothing but an output, an error's name included."""
    prose = _NAMED_ERROR.sub("", choice.text.prose).strip()
    return not re.search(r"[^\W\d_]{2,}", prose) or _value(choice.text.shown) is not None
