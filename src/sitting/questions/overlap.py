"""How much two candidates' papers are expected to have in common.

A question that stands in a paper with probability p stands in two independent papers with p². Where each question of a
pool is as likely as every other, p is count / pool and the sum is exact; elsewhere papers are drawn and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import isqrt

from sitting.kit.rounding import divide_half_up
from sitting.questions.drawing import Plan, draw

MOST_PAPERS = 200
FEWEST_PAPERS = 20
MOST_WORK = 50_000
_WHOLE = 100_000


@dataclass(frozen=True, slots=True)
class Overlap:
    """The share of questions in common, and its standard error; both in thousandths of a percent.

    The error is 0 where the share is exact.
    """

    share: int
    error: int


def expected_overlap(plan: Plan) -> Overlap:
    """The mean over all pairs of candidates; the plan must have a full paper, with at least one question."""
    total = plan.blueprint.total_questions
    exact = _exact(plan)
    if exact is not None:
        in_common = exact + sum(map(len, plan.fixed))
        return Overlap(divide_half_up(in_common.numerator * _WHOLE, in_common.denominator * total), 0)
    return _sampled(plan, total)


def _exact(plan: Plan) -> Fraction | None:
    """The expected number of drawn questions in common; None where not all questions of a pool are equally likely.

    They are if pools are equal or disjoint, and no group ties a question of a pool to another one.
    """
    needed: Counter[tuple[int, ...]] = Counter()
    for pool, count in zip(plan.pools, plan.counts, strict=True):
        needed[pool] += count
    drawable = list(chain.from_iterable(needed))
    if len({plan.class_of[question] for question in drawable}) < len(drawable):
        return None
    return sum((Fraction(count * count, len(pool)) for pool, count in needed.items()), Fraction())


def _sampled(plan: Plan, total: int) -> Overlap:
    """The mean over all pairs of a sample of papers, with the standard error by the jackknife (Tukey 1958)."""
    papers = list(_papers(plan, total))
    times = Counter(chain.from_iterable(papers))
    # By paper: how many questions it has in common with all others, the fixed ones left out.
    common = [sum(times[question] - 1 for question in paper) for paper in papers]
    n, fixed = len(papers), sum(map(len, plan.fixed))
    in_common = Fraction(sum(common), n * (n - 1)) + fixed
    # Without paper i the mean is (sum - 2 common_i) / ((n - 1)(n - 2)).
    mean = Fraction(sum(common), n)
    spread = sum((each - mean) ** 2 for each in common) * Fraction(4 * (n - 1), n * ((n - 1) * (n - 2)) ** 2)
    error = isqrt(int(spread * _WHOLE**2 / total**2))
    return Overlap(divide_half_up(in_common.numerator * _WHOLE, in_common.denominator * total), error)


def _papers(plan: Plan, total: int) -> Iterator[list[int]]:
    """The drawn questions of papers; fewer papers the more work they make, so that publishing stays quick."""
    work = 0
    for number in range(MOST_PAPERS):
        if number >= FEWEST_PAPERS and work >= MOST_WORK:
            return
        matching = draw(plan, f"overlap {number}")
        work += total + 2 * len(plan.counts) + matching.steps // 10
        yield [question for _, question in matching.taken.values()]
