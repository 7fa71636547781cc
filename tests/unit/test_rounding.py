from __future__ import annotations

from fractions import Fraction

import pytest

from sitting.kit.rounding import divide_half_up, round_half_away


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (0, 1, 0),
        (0, 7, 0),
        (1, 2, 1),
        (3, 2, 2),
        (5, 2, 3),
        (1, 3, 0),
        (2, 3, 1),
        (49, 100, 0),
        (50, 100, 1),
        (7, 7, 1),
    ],
)
def test_halves_go_up_and_never_to_the_even_number(numerator: int, denominator: int, expected: int) -> None:
    assert divide_half_up(numerator, denominator) == expected


def test_rounding_is_exact_where_floating_point_is_not() -> None:
    just_below_a_half, whole = 10**30 // 2 - 1, 10**30
    assert divide_half_up(just_below_a_half, whole) == 0
    assert divide_half_up(just_below_a_half + 1, whole) == 1


def test_rounding_agrees_with_fractions_on_every_small_pair() -> None:
    for denominator in range(1, 40):
        for numerator in range(200):
            exact = Fraction(numerator, denominator)
            rounded = divide_half_up(numerator, denominator)
            assert -Fraction(1, 2) < rounded - exact <= Fraction(1, 2)


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 2), (1, 0), (1, -2), (0, 0)])
def test_negative_numbers_and_zero_divisors_are_refused(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="half-up"):
        divide_half_up(numerator, denominator)


def test_halves_below_nothing_go_away_from_it() -> None:
    for numerator in range(-50, 50):
        assert round_half_away(numerator, 4) == -round_half_away(-numerator, 4)
    assert [round_half_away(numerator, 2) for numerator in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 2), (1, 0), (1, -2)])
def test_half_up_division_refuses_what_it_was_not_made_for(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="non-negative numerator"):
        divide_half_up(numerator, denominator)
