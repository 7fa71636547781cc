"""How long functions and files are, against what we hold for readable: `python -m tests.support.ruler`.

Median and 90th percentile are a feeling and are only shown. What is longer than the limit must say why, or this fails:
`# long: the reason` on the line of the `def`, or in the first five lines of the file.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

LONGEST_FUNCTION = 60
LONGEST_FILE = 600
AIM = {"functions": "10 / 35", "files": "– / 350"}

_REASON = re.compile(r"#\s*long:\s*\S")
_REASON_WITHIN = 5


@dataclass(frozen=True)
class Measured:
    """A function or a file: where it is, how many lines it has, and whether it says why it is long."""

    place: str
    lines: int
    excused: bool


def measure_file(path: Path) -> Measured:
    lines = path.read_text().splitlines()
    return Measured(str(path), len(lines), any(_REASON.search(line) for line in lines[:_REASON_WITHIN]))


def measure_functions(path: Path) -> Iterator[Measured]:
    """Every function and method, nested ones too, from the line of its `def` to its last."""
    source = path.read_text()
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            excused = _REASON.search(lines[node.lineno - 1]) is not None
            yield Measured(f"{path}:{node.lineno} {node.name}", length, excused)


def source_files(roots: Sequence[Path]) -> list[Path]:
    """The Python files below `roots`, without those that hold nothing but a docstring."""
    files = sorted(path for root in roots for path in root.rglob("*.py"))
    return [path for path in files if len(ast.parse(path.read_text()).body) > 1]


def row(what: str, sizes: Sequence[int]) -> str:
    """One line of the table: count, median and 90th percentile, the longest, and the aim."""
    middle, ninth = (median(sizes), quantiles(sizes, n=10)[-1]) if len(sizes) > 1 else (0.0, 0.0)
    return f"{what:<10} {len(sizes):>6} {middle:>7.0f} / {ninth:<5.0f} {max(sizes, default=0):>5}   {AIM[what]}"


def main(roots: Sequence[Path]) -> int:
    """Print the table and what is too long; 1 if something is and does not say why."""
    paths = source_files(roots)
    files = [measure_file(path) for path in paths]
    functions = [function for path in paths for function in measure_functions(path)]
    print(f"{'':<10} {'number':>6} {'median / p90':>15} {'max':>5}   aim")
    print(row("functions", [function.lines for function in functions]))
    print(row("files", [file.lines for file in files]))
    long = [found for found in functions if found.lines > LONGEST_FUNCTION]
    long += [found for found in files if found.lines > LONGEST_FILE]
    for found in long:
        print(f"{found.lines:>5} lines {'(says why)' if found.excused else 'TOO LONG  '} {found.place}")
    return 0 if all(found.excused for found in long) else 1


if __name__ == "__main__":
    sys.exit(main([Path(root) for root in sys.argv[1:] or ("src", "tests")]))
