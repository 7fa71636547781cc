"""What a seed gives is fixed for good: papers of years ago are drawn again with it."""

from __future__ import annotations

from sitting.domain.blueprint import Draw, FixedQuestion, Section
from sitting.questions.chance import Chance
from sitting.questions.drawing import draw_slots, make_paper, make_plan
from sitting.questions.publication import publish
from tests.support.drafts import banked
from tests.support.samples import blueprint, content

SEED = "0f" * 16


def test_stream_of_a_seed_is_pinned() -> None:
    assert Chance(SEED, "draw 0").shuffled(range(12)) == [3, 5, 8, 1, 11, 7, 0, 4, 9, 2, 10, 6]
    assert Chance("seed", "x").below(1000) == 550


def test_each_number_below_a_bound_is_as_likely_as_any_other() -> None:
    chance = Chance(SEED, "even")
    times = [0] * 7
    for _ in range(7_000):
        times[chance.below(7)] += 1
    assert max(times) - min(times) < 200


def test_paper_of_a_seed_is_pinned() -> None:
    bank = {f"q_{n}": banked(f"q_{n}", content(n)) for n in range(1, 9)}
    parts = (Section("a", questions=(FixedQuestion("q_8"),), draws=(Draw(2), Draw(1, question_ids=("q_1", "q_2")))),)
    rules = blueprint(sections=parts, not_together=(("q_3", "q_4"),), shuffle_options=True)
    plan = make_plan(rules, publish(rules, bank).snapshot)
    slots = draw_slots(plan, SEED)
    paper = make_paper(plan, slots, {version.digest: version.content for version in bank.values()}, SEED)
    assert [question.question_id for question in paper.questions] == ["q_8", "q_4", "q_2", "q_1"]
    assert paper.digest() == "9c38cd958e88df61c3f0bee2304a7ee354f6b0571132f0a4bca886ea4e93f04b"
