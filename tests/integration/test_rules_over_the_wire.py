"""The rules of a Test that no other file sets over REST and looks for in a candidate's session."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from sitting.storage.tables import assessments
from tests.support.candidates import token_for
from tests.support.delivery import Candidate, Hall, Line, line, now, seated
from tests.support.eventually import eventually
from tests.support.staff import grey_bar

DRAIN = timedelta(seconds=5)
_numbers = itertools.count(1)
Rules = dict[str, Any]


def staff_say(hall: Hall, method: str, path: str, body: Any = None) -> None:
    """A request by the administrator that Hall has no word for."""
    headers = {"Authorization": f"Bearer {hall.tokens[0]}"}
    url = f"{hall.server.base_url}/api/v1{path}"
    response = httpx2.request(method, url, json=body, headers=headers, timeout=30)
    assert response.is_success, response.text


def invite_with(hall: Hall, test_id: int, **grants: Any) -> Candidate:
    """Somebody with an application as it was asked for: new, unless `user_id` is among the grants."""
    person = {} if "user_id" in grants else {"name": "Ines", "email": f"rules{next(_numbers)}@example.org"}
    [made] = hall.post(f"/tests/{test_id}/applications", person | grants)["items"]
    token = token_for(made["user_id"])
    hall.tokens.append(token)
    return Candidate(hall.server.ws_url, made["user_id"], made["application_id"], test_id, token, hall.questions)


def invite_to(hall: Hall, **rules: Any) -> Candidate:
    """Somebody invited to a new Test with those rules."""
    return invite_with(hall, hall.publish(**rules))


def row_of(hall: Hall, started: dict[str, Any]) -> Any:
    [row] = hall.rows(assessments, id=started["assessment_id"])
    return row


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def hand_in(own: Line) -> dict[str, Any]:
    results: dict[str, Any] = own.ask("complete_assessment", "assessment_completed")["results"]
    return results


def refused_start(candidate: Candidate, code: str) -> dict[str, Any]:
    """The details of the refusal."""
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        details: dict[str, Any] = own.refused(code)["data"]["details"]
        return details


# Marks and weights


@dataclass(frozen=True)
class Bank:
    """Two single choices of the skill `logic` (a, b), two of `sets` (c, d), and a multiple response of `sets` (m)."""

    ids: dict[str, str]
    options: dict[str, dict[str, str]]

    def sections(self, *sections: str, **more: Any) -> list[Rules]:
        """Sections of the questions that these letters name."""
        named = enumerate(sections)
        return [{"name": f"part {n}", "questions": [self.fixed(letter) for letter in each]} | more for n, each in named]

    def fixed(self, letter: str, points: float = 1) -> Rules:
        return {"question_id": self.ids[letter], "points": points}

    def answer(self, own: Line, letter: str, *, right: bool) -> None:
        option = self.options[letter]["yes" if right else "no"]
        said = {"selected_options": [option]} if letter == "m" else {"selected_option": option}
        own.send("submit_answer", question_id=self.ids[letter], **said)
        own.expect("answer_saved")
        own.expect("progress_update")


@pytest.fixture(scope="module")
def bank(hall: Hall) -> Bank:
    made = {}
    for letter in "abcdm":
        kind = {"type": "multiple_response"} if letter == "m" else {}
        options = [{"text": text, "correct": text == "yes"} for text in ("yes", "no", "perhaps")]
        skill = {"skill": "logic" if letter in "ab" else "sets", "difficulty": "easy"}
        made[letter] = hall.post("/questions", {"text": f"Is it {letter}?", "options": options} | skill | kind)
    options_of = {letter: {o["text"]: o["id"] for o in each["options"]} for letter, each in made.items()}
    return Bank({letter: each["question_id"] for letter, each in made.items()}, options_of)


def skill(name: str, priority: str, pass_mark: float | None = None) -> Rules:
    return {"skill": name, "priority": priority, "pass_mark": pass_mark}


# Sections by the letters of their questions, rules, what is right and what wrong; points, maximum, percentage, passed.
MARKS: dict[str, tuple[str, Rules, str, str, tuple[float, float, float, bool]]] = {
    "half of it passes by itself": ("abcd", {}, "ab", "cd", (2, 4, 50, True)),
    "pass mark above": ("abcd", {"pass_mark": 50.001}, "ab", "", (2, 4, 50, False)),
    "pass mark below": ("abcd", {"pass_mark": 25}, "a", "", (1, 4, 25, True)),
    "mark of each skill met": ("abcd", {"skills": [skill("logic", "L", 50), skill("sets", "L", 50)]}, "ac", "bd",
                               (2, 4, 50, True)),
    "mark of one skill missed": ("abcd", {"skills": [skill("logic", "L", 50), skill("sets", "L", 50)]}, "ab", "cd",
                                 (2, 4, 50, False)),
    "high over low": ("ac", {"skills": [skill("logic", "H"), skill("sets", "L")]}, "a", "c", (3, 4, 75, True)),
    "high over medium": ("ac", {"skills": [skill("logic", "H"), skill("sets", "M")]}, "a", "c", (3, 5, 60, True)),
    "medium over unlisted": ("ac", {"skills": [skill("sets", "M")]}, "a", "c", (1, 3, 33.333, False)),
    "weights of its own": ("ac", {"skills": [skill("logic", "H"), skill("sets", "M")],
                                  "priority_weights": {"H": 1.5, "M": 0.5, "L": 9}}, "c", "a", (0.5, 2, 25, False)),
    "wrong costs nothing": ("ab", {}, "a", "b", (1, 2, 50, True)),
    "wrong costs a quarter": ("ab", {"negative_marking": 0.25}, "a", "b", (0.75, 2, 37.5, False)),
    "no answer costs nothing": ("ab", {"negative_marking": 0.25}, "a", "", (1, 2, 50, True)),
    "partial credit has a floor": ("am", {"negative_marking": 0.5}, "a", "m", (1, 2, 50, True)),
    "partial credit without": ("am", {"negative_marking": 0.5, "floor_items": False}, "a", "m", (0.5, 2, 25, False)),
    "the total has a floor": ("ab", {"negative_marking": 1, "pass_mark": 0}, "", "ab", (0, 2, 0, True)),
    "the total without": ("ab", {"negative_marking": 1, "pass_mark": 0, "floor_total": False}, "", "ab",
                          (-2, 2, -100, False)),
}  # fmt: skip


@pytest.mark.parametrize(("letters", "rules", "right", "wrong", "expected"), MARKS.values(), ids=MARKS)
def test_rules_of_scoring_decide_points_percentage_and_passing(
    hall: Hall, bank: Bank, letters: str, rules: Rules, right: str, wrong: str, expected: tuple[float, ...]
) -> None:
    with seated(invite_to(hall, sections=bank.sections(letters), **rules)) as (own, started):
        for letter in right + wrong:
            bank.answer(own, letter, right=letter in right)
        results = hand_in(own)
    fields = ("total_score", "max_score", "percentage_score", "passed")
    assert tuple(results[field] for field in fields) == expected
    assert sum(item["points"] for item in started["outline"]) == expected[1]
    asked_for = {each["skill"]: (each["priority"], each["pass_mark"]) for each in rules.get("skills", [])}
    told = {each["skill"]: each["priority"] for each in results["skills"]}
    assert {name: told[name] for name in asked_for} == {name: priority for name, (priority, _) in asked_for.items()}


def test_points_of_a_question_and_weight_of_its_section_multiply(hall: Hall, bank: Bank) -> None:
    first = {"name": "light", "questions": [bank.fixed("a", 1.5), bank.fixed("b")]}
    second = {"name": "heavy", "weight": 2.5, "questions": [bank.fixed("c", 0.4)]}
    with seated(invite_to(hall, sections=[first, second])) as (own, started):
        bank.answer(own, "c", right=True)
        results = hand_in(own)
    shown = [(item["section"], item["points"]) for item in started["outline"]]
    assert shown == [("light", 1.5), ("light", 1.0), ("heavy", 1.0)]
    assert (results["total_score"], results["max_score"]) == (1.0, 3.5)


# Attempts


def attempt(candidate: Candidate, right: int) -> int:
    """Take the Test with so many right answers; returns the assessment_id."""
    with seated(candidate) as (own, started):
        for asked in candidate.questions[:right]:
            own.answer(asked, asked.right)
        hand_in(own)
    assessment_id: int = started["assessment_id"]
    return assessment_id


COUNTED = {"best": (1, 100.0, True), "last": (2, 0.0, False), "first": (0, 25.0, False), "mean": (None, 41.667, False)}


@pytest.mark.parametrize(("policy", "expected"), COUNTED.items())
def test_attempt_that_counts_is_the_one_that_the_test_says(
    hall: Hall, policy: str, expected: tuple[int | None, float, bool]
) -> None:
    candidate = invite_to(hall, max_attempts=3, counted_attempt=policy, description="Three tries.")
    made = [attempt(candidate, right) for right in (1, 4, 0)]
    which, percentage, passed = expected
    counted = {"assessment_id": None if which is None else made[which], "percentage_score": percentage}
    counted |= {"passed": passed, "attempts": 3}
    assert hall.look(f"/applications/{candidate.application_id}")["counted_result"] == counted
    [own] = hall.read("/me/applications", token=candidate.token).json()["items"]
    assert (own["counted_result"], own["attempts_used"], own["can_start"]) == (counted, 3, False)
    assert (own["test_name"], own["description"]) == ("Arithmetic", "Three tries.")
    assert refused_start(candidate, "attempts_exhausted") == {"max_attempts": 3, "last_assessment_id": made[-1]}


def test_next_attempt_waits_for_its_delay(hall: Hall) -> None:
    candidate = invite_to(hall, max_attempts=2, attempt_delay_minutes=90)
    attempt(candidate, 1)
    end = hall.rows(assessments, application_id=candidate.application_id)[0].end_time
    details = refused_start(candidate, "test_not_open")
    assert instant(details["opens_at"]) == end + timedelta(minutes=90)
    [own] = hall.read("/me/applications", token=candidate.token).json()["items"]
    assert (own["reason"], instant(own["opens_again_at"])) == ("test_not_open", end + timedelta(minutes=90))


# Time


def test_time_limit_and_grace_are_told_and_move_the_sweep(hall: Hall) -> None:
    with seated(invite_to(hall, time_limit_minutes=7, grace_seconds=31)) as (_, started):
        deadline = instant(started["started_at"]) + timedelta(minutes=7)
        assert (started["time_limit_minutes"], started["grace_seconds"]) == (7, 31)
        assert (instant(started["deadline_at"]), row_of(hall, started).deadline_at) == (deadline, deadline)
        assert row_of(hall, started).sweep_at == deadline + timedelta(seconds=31) + DRAIN


def test_untimed_test_has_no_deadline_and_is_abandoned_after_its_days(hall: Hall) -> None:
    with seated(invite_to(hall, time_limit_minutes=None, abandon_after_days=2)) as (_, started):
        assert [started[name] for name in ("time_limit_minutes", "deadline_at", "remaining_seconds")] == [None] * 3
        assert row_of(hall, started).sweep_at == instant(started["started_at"]) + timedelta(days=2)


def pause_of(hall: Hall, started: dict[str, Any]) -> tuple[datetime, datetime]:
    """When the pause that lasts began, and when it ends by itself."""
    [body] = [entry.body for entry in hall.log_of(started["assessment_id"]) if entry.type == "paused"]
    return instant(body["paused_at"]), instant(body["until"])


def test_pause_is_over_after_as_many_minutes_as_the_test_says(hall: Hall) -> None:
    with seated(invite_to(hall, max_pause_minutes=2)) as (own, started):
        assert hall.act(started["assessment_id"], "pause", {"reason": "Fire alarm."}).status_code == 200
        own.expect("paused")
        paused_at, until = pause_of(hall, started)
        assert until == row_of(hall, started).sweep_at == paused_at + timedelta(minutes=2)


ZONE = "Asia/Kolkata"


def wall_clock(ahead: timedelta) -> tuple[str, datetime]:
    """A wall-clock time of the zone, so far ahead, to the second; and the instant that it means."""
    local = datetime.now(ZoneInfo(ZONE)).replace(microsecond=0) + ahead
    return local.replace(tzinfo=None).isoformat(), local.astimezone(UTC)


def test_window_in_wall_clock_times_ends_the_assessment_at_their_instant(hall: Hall) -> None:
    opens, _ = wall_clock(timedelta(minutes=-1))
    closes, deadline = wall_clock(timedelta(minutes=20))
    with seated(invite_to(hall, opens_local=opens, closes_local=closes, time_zone=ZONE)) as (own, started):
        assert (started["time_limit_minutes"], instant(started["deadline_at"])) == (30, deadline)
        hand_in(own)
        window = hall.look(f"/assessments/{started['assessment_id']}/compliance")["record"]["window"]
        assert ZONE in str(window)


def test_window_in_wall_clock_times_lets_nobody_start_before(hall: Hall) -> None:
    opens, instant_ = wall_clock(timedelta(minutes=20))
    details = refused_start(invite_to(hall, opens_at=opens, time_zone=ZONE), "test_not_open")
    assert instant(details["opens_at"]) == instant_


# Drawing


def add_drawn(hall: Hall, **more: Any) -> str:
    options = [{"text": text, "correct": text == "yes"} for text in ("yes", "no")]
    body = {"text": f"Draw {next(_numbers)}?", "options": options, "skill": "drawn", "difficulty": "easy"}
    made: str = hall.post("/questions", body | more)["question_id"]
    return made


@pytest.mark.parametrize("criterion", ["skill", "difficulty", "tags", "question_ids"])
def test_draw_takes_only_what_its_criterion_allows(hall: Hall, criterion: str) -> None:
    """As many as fit are drawn, of questions that differ in the criterion alone: a wrong one would have to be among."""
    run = f"run {next(_numbers)}"
    fitting: dict[str, Rules] = {
        "skill": {"skill": "wanted"},
        "difficulty": {"difficulty": "hard"},
        "tags": {"tags": [run, "wanted", "also"]},
        "question_ids": {},
    }
    others = {"tags": {"tags": [run, "wanted"]}}.get(criterion, {})
    wanted = [add_drawn(hall, **{"tags": [run]} | fitting[criterion]) for _ in range(3)]
    for _ in range(6):
        add_drawn(hall, **{"tags": [run]} | others)
    draw = {"count": 3, "tags": [run]} | fitting[criterion]
    if criterion == "question_ids":
        draw["question_ids"] = wanted
    candidate = invite_to(hall, sections=[{"draws": [draw]}])
    with seated(candidate) as (_, started):
        assert {item["question_id"] for item in started["outline"]} == set(wanted)


def test_shuffled_section_has_an_order_for_each_candidate_and_true_stays_before_false(hall: Hall) -> None:
    said = {"type": "true_false", "options": [], "correct": True}
    ids = [add_drawn(hall, **said) for _ in range(6)]
    sections = [{"shuffle": True, "questions": [{"question_id": id_} for id_ in ids]}]
    test_id = hall.publish(sections=sections, shuffle_options=True)
    orders, options = [], set()
    for candidate in hall.invite_many(test_id, 3):
        with seated(candidate) as (own, started):
            orders.append([item["question_id"] for item in started["outline"]])
            shown = [own.ask("get_question", "question", position=n)["question"] for n in range(1, 7)]
            options |= {tuple(option["text"] for option in each["options"]) for each in shown}
    assert [sorted(order) for order in orders] == [sorted(ids)] * 3
    assert len({str(order) for order in orders}) > 1
    assert options == {("True", "False")}


def test_running_assessment_keeps_its_version_and_the_next_one_gets_the_newest(hall: Hall) -> None:
    before, after = hall.invite_many(hall.publish(), 2)
    with seated(before) as (_, started):
        draft = hall.look(f"/tests/{before.test_id}")["draft"] | {"time_limit_minutes": 12, "navigation": "linear"}
        staff_say(hall, "PUT", f"/tests/{before.test_id}", draft)
        hall.post(f"/tests/{before.test_id}/publish")
    with seated(before) as (_, again), seated(after) as (_, newest):
        assert (again["assessment_id"], again["recovered"]) == (started["assessment_id"], True)
        assert (again["time_limit_minutes"], again["navigation"]) == (30, "free")
        assert (newest["time_limit_minutes"], newest["navigation"]) == (12, "linear")


# Feedback


def read_review(hall: Hall, candidate: Candidate, assessment_id: int) -> httpx2.Response:
    return hall.read(f"/assessments/{assessment_id}/responses", token=candidate.token)


@pytest.mark.parametrize(
    ("policy", "status"), [("none", 403), ("after_answer", 200), ("after_end", 200), ("after_window", 403)]
)
def test_review_opens_at_the_end_where_the_policy_says_so(hall: Hall, policy: str, status: int) -> None:
    candidate = invite_to(hall, feedback=policy, closes_at=(now() + timedelta(days=1)).isoformat())
    with seated(candidate) as (own, started):
        assert read_review(hall, candidate, started["assessment_id"]).status_code == 403
        hand_in(own)
    assert read_review(hall, candidate, started["assessment_id"]).status_code == status


def test_review_after_the_window_opens_when_the_window_closes(hall: Hall) -> None:
    closes = now() + timedelta(seconds=6)
    candidate = invite_to(hall, feedback="after_window", closes_at=closes.isoformat())
    made = attempt(candidate, 1)
    early = read_review(hall, candidate, made)
    assert now() < closes, "too slow for this test"
    assert (early.status_code, early.json()["code"]) == (403, "not_allowed")

    def check() -> None:
        review = read_review(hall, candidate, made)
        assert review.status_code == 200
        assert [item["is_correct"] for item in review.json()["items"]] == [True, None, None, None]

    eventually(check, within=20)
    assert now() >= closes


# Keys, texts and images


TYPED: list[tuple[str, Rules, str, float]] = [
    ("unit is left out", {"numbers": [{"value": "5"}], "unit": "m"}, "5", 1),
    ("unit must be there", {"numbers": [{"value": "5"}], "unit": "m", "unit_required": True}, "5", 0),
    ("unit is there", {"numbers": [{"value": "5"}], "unit": "m", "unit_required": True}, "5 m", 1),
    ("tolerance, its border", {"numbers": [{"value": "5", "tolerance": "0.1"}]}, "5.1", 1),
    ("tolerance, beyond", {"numbers": [{"value": "5", "tolerance": "0.1"}]}, "5.1001", 0),
    ("case is passed over", {"accepted": [{"text": "Oslo"}]}, "oslo", 1),
    ("case counts", {"accepted": [{"text": "Oslo"}], "case_sensitive": True}, "oslo", 0),
    ("spaces are passed over", {"accepted": [{"text": "New York"}]}, "  new \t york ", 1),
    (
        "wildcard",
        {"accepted": [{"text": "H2"}, {"text": "h*gen", "match": "wildcard", "credit": 0.5}]},
        "hydrogen",
        0.5,
    ),
    ("wildcard, its star itself", {"accepted": [{"text": r"a\*b", "match": "wildcard"}]}, "axb", 0),
    ("pattern, whole", {"accepted": [{"text": "[a-c]+", "match": "pattern"}]}, "abc", 1),
    ("pattern, a part", {"accepted": [{"text": "[a-c]+", "match": "pattern"}]}, "abcd", 0),
    ("text of no other kind", {"accepted": [{"text": "[a-c]+"}]}, "abc", 0),
]


def test_typed_answers_are_judged_by_the_key_as_its_author_wrote_it(hall: Hall) -> None:
    ids = []
    for name, key, _, _ in TYPED:
        kind = "numeric" if "numbers" in key else "short_text"
        ids.append(add_drawn(hall, type=kind, text=name, options=[], **key))
    candidate = invite_to(hall, sections=[{"questions": [{"question_id": id_} for id_ in ids]}])
    with seated(candidate) as (own, started):
        for id_, (_, _, said, _) in zip(ids, TYPED, strict=True):
            own.send("submit_answer", question_id=id_, value=said)
            own.expect("answer_saved")
            own.expect("progress_update")
        assert hand_in(own)["total_score"] == sum(points for *_, points in TYPED)
    items = hall.look(f"/assessments/{started['assessment_id']}/responses")["items"]
    assert {name: item["points"] for (name, *_), item in zip(TYPED, items, strict=True)} == {
        name: points for name, *_, points in TYPED
    }


def add_image(hall: Hall, png: bytes) -> str:
    """Store that image; returns its SHA-256."""
    headers = {"Authorization": f"Bearer {hall.tokens[0]}", "Content-Type": "image/png"}
    made = httpx2.post(f"{hall.server.base_url}/api/v1/media", content=png, headers=headers, timeout=30)
    assert made.status_code == 201, made.text
    sha256: str = made.json()["sha256"]
    return sha256


def test_code_formula_and_image_reach_the_candidates_of_the_paper_alone(hall: Hall) -> None:
    png = grey_bar()
    sha256 = add_image(hall, png)
    text = f"Look:\n\n```python\nprint(1)\n```\n\nis $x^2$ in\n\n![A grey bar](media:{sha256})"
    id_ = add_drawn(hall, text=text)
    candidate = invite_to(hall, sections=[{"questions": [{"question_id": id_}]}])
    path = f"/media/{sha256}"
    assert hall.read(path, token=candidate.token).status_code == 404, "not before the paper shows it"
    with seated(candidate) as (own, _):
        question = own.ask("get_question", "question", position=1)["question"]
    assert question["text"] == text
    assert question["media"] == [f"/api/v1{path}"]
    for part in ("<pre", "<math", f'src="/api/v1{path}"', 'alt="A grey bar"'):
        assert part in question["html"]
    shown = hall.read(path, token=candidate.token)
    assert (shown.status_code, shown.content) == (200, png)
    with seated(stranger := hall.invite()):
        assert hall.read(path, token=stranger.token).status_code == 404


# Applications


def test_extra_time_and_breaks_of_an_invitation_are_the_candidates_own(hall: Hall) -> None:
    granted = {"extra_time_factor": 1.255, "extra_minutes": 10, "break_minutes": 3}
    with seated(invite_with(hall, hall.test_id, **granted)) as (own, started):
        assert started["time_limit_minutes"] == 47.65
        assert own.ask("start_break", "paused") == {"reason": "break"}
        assert own.expect("deadline_changed")["deadline_at"] is None
        paused_at, until = pause_of(hall, started)
        assert until == row_of(hall, started).sweep_at == paused_at + timedelta(minutes=3)
        own.ask("end_break", "unpaused")


def test_invitation_that_expires_names_its_instant(hall: Hall) -> None:
    expiry = (now() + timedelta(seconds=-1)).replace(microsecond=0)
    candidate = invite_with(hall, hall.test_id, expires_at=expiry.isoformat())
    assert instant(refused_start(candidate, "test_not_open")["closes_at"]) == expiry
    assert hall.look(f"/applications/{candidate.application_id}")["status"] == "expired"


def test_status_of_an_application_follows_its_candidate(hall: Hall) -> None:
    def status_of(candidate: Candidate) -> str:
        status: str = hall.look(f"/applications/{candidate.application_id}")["status"]
        found = hall.look(f"/tests/{candidate.test_id}/applications?status={status}")["items"]
        assert candidate.application_id in [item["application_id"] for item in found]
        return status

    candidate, withdrawn = hall.invite_many(hall.publish(max_attempts=2), 2)
    seen = [status_of(candidate)]
    assert httpx2.post(hall.look(f"/applications/{candidate.application_id}")["link"]).status_code == 303
    seen.append(status_of(candidate))
    with seated(candidate) as (own, _):
        seen.append(status_of(candidate))
        hand_in(own)
    seen.append(status_of(candidate))
    with seated(candidate) as (_, second):
        seen.append(status_of(candidate))
        assert hall.act(second["assessment_id"], "void", {"reason": "Wrong room."}).status_code == 200
    seen.append(status_of(candidate))
    staff_say(hall, "POST", f"/applications/{withdrawn.application_id}/withdraw")
    assert seen == ["invited", "opened", "started", "finished", "started", "finished"]
    assert status_of(withdrawn) == "withdrawn"


def test_person_with_two_applications_says_which_one_is_meant(hall: Hall) -> None:
    first = invite_with(hall, hall.test_id)
    second = invite_with(hall, hall.test_id, user_id=first.user_id, label="Second round")
    again = invite_with(hall, hall.test_id, user_id=first.user_id, again=True)
    ids = [each.application_id for each in (first, second, again)]
    assert len(set(ids)) == 3
    with line(first.address) as own:
        own.send("start_assessment", test_id=hall.test_id)
        assert own.refused("application_ambiguous")["data"]["details"] == {"application_ids": ids}
        started = own.ask("start_assessment", "assessment_started", test_id=hall.test_id, application_id=ids[1])
    assert started["application_id"] == ids[1]
    assert row_of(hall, started).application_id == ids[1]
