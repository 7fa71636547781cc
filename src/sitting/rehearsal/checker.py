"""The verdict: what the candidates were told, held against what the server has.

For each question of each assessment: the newest acknowledged answer is the stored one, or an answer sent later of which
nobody knows what became. All that was acknowledged is in the log under the number that was told, nothing is there twice
or unasked, and the score is worked out again from the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sitting.rehearsal.claims import Answer, Taken
from sitting.rehearsal.history import Outcome
from sitting.rehearsal.plan import PASS_MARK
from sitting.rehearsal.stored import Logged, Question, Response, Staged, Stored

CLOSE_ENOUGH = 0.002  # points or percent: REST rounds to thousandths


class Fault(StrEnum):
    """What can be wrong."""

    LOST = "an acknowledged answer is lost"
    REGRESSED = "an older answer replaced an acknowledged one"
    PHANTOM = "an answer is stored that was refused or never given"
    TWICE = "an answer is stored twice"
    SCORE = "the score is not what the answers are worth"
    END = "the end is not when it should be"
    STATUS = "the status is not what it should be"
    ATTEMPTS = "there are more or fewer assessments than were started"
    TOLD = "the candidate was told other results than staff"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong; `what` says it for people."""

    fault: Fault
    candidate: int
    test: str
    assessment_id: int | None
    what: str

    def __str__(self) -> str:
        which = "" if self.assessment_id is None else f", assessment {self.assessment_id}"
        return f"candidate {self.candidate}{which} ({self.test}): {self.fault}: {self.what}"


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was checked, and what was found."""

    assessments: int
    acknowledged: int
    unknown: int
    responses: int
    scores: int
    findings: tuple[Finding, ...]
    unread: str | None = None  # why nothing could be read back

    @property
    def passed(self) -> bool:
        return not self.findings and self.unread is None


def check(
    taken: Sequence[Taken],
    stored: Mapping[tuple[int, str], Sequence[Stored]],
    questions: Mapping[str, Question],
    tests: Mapping[str, Staged],
    *,
    closed: bool = True,
) -> Checked:
    """Hold everything against everything.

    Args:
        stored: by candidate and name of the Test, each assessment that the server has of them.
        closed: whether deadlines had passed when that was read.
    """
    findings: list[Finding] = []
    for each in taken:
        found = stored.get((each.candidate, each.test), ())
        findings += _check_attempts(each, found)
        for one in found:
            findings += [*_check_one(each, one, questions, tests[each.test])]
            findings += _check_status(each, one, _unfinished(tests[each.test], closed=closed))
    for candidate, test in stored.keys() - {(each.candidate, each.test) for each in taken}:
        if stored[candidate, test]:
            findings.append(Finding(Fault.ATTEMPTS, candidate, test, None, "one is there, and none was started"))
    acknowledged, unknown = _counts(taken)
    every = [one for ones in stored.values() for one in ones]
    return Checked(
        assessments=len(every),
        acknowledged=acknowledged,
        unknown=unknown,
        responses=sum(len(one.responses) for one in every),
        scores=sum(one.row["end_time"] is not None for one in every),
        findings=tuple(findings),
    )


def unchecked(taken: Sequence[Taken], why: str) -> Checked:
    """What there is to say if nothing could be read back."""
    return Checked(0, *_counts(taken), 0, 0, (), why)


def _counts(taken: Sequence[Taken]) -> tuple[int, int]:
    """How many answers were acknowledged, and of how many nobody knows."""
    outcomes = Counter(answer.outcome for each in taken for answer in each.answers.values())
    return outcomes[Outcome.OK], outcomes[Outcome.UNKNOWN]


def _check_attempts(taken: Taken, stored: Sequence[Stored]) -> Iterator[Finding]:
    there = {one.row["assessment_id"] for one in stored}
    say = _Sayer(taken, None)
    if missing := taken.assessment_ids - there:
        yield say(Fault.ATTEMPTS, f"started and not there: {sorted(missing)}")
    if len(there) > 1:
        yield say(Fault.ATTEMPTS, f"one start made {sorted(there)}")
    if there and taken.started in (None, Outcome.FAILED):
        yield say(Fault.ATTEMPTS, f"every start was refused, and {sorted(there)} is there")


@dataclass(frozen=True, slots=True)
class _Sayer:
    taken: Taken
    assessment_id: int | None

    def __call__(self, fault: Fault, what: str) -> Finding:
        return Finding(fault, self.taken.candidate, self.taken.test, self.assessment_id, what)


def _check_one(taken: Taken, stored: Stored, questions: Mapping[str, Question], staged: Staged) -> Iterator[Finding]:
    say = _Sayer(taken, stored.row["assessment_id"])
    yield from _check_log(taken, stored, say)
    for question_id in questions:
        yield from _check_response(question_id, taken, stored, say)
    if unasked := stored.responses.keys() - questions.keys():
        yield say(Fault.PHANTOM, f"questions that are none of the Test's: {sorted(unasked)}")
    yield from _check_end(taken, stored, staged, say)
    if stored.row["end_time"] is not None:
        yield from _check_score(stored, questions, say)
    if taken.results is not None:
        differing = [name for name in _COMPARED if taken.results.get(name) != stored.results.get(name)]
        if differing:
            yield say(Fault.TOLD, ", ".join(differing))


_COMPARED = ("status", "total_score", "max_score", "percentage_score", "passed", "correct_answers", "end_time")


def _check_log(taken: Taken, stored: Stored, say: _Sayer) -> Iterator[Finding]:
    """What was acknowledged is there, as it was; what is there was asked for, once."""
    saved = [entry for entry in stored.logged if entry.verdict == "saved"]
    by_number = {entry.client_seq: entry for entry in saved}
    for number, times in Counter(entry.client_seq for entry in saved).items():
        if times > 1:
            yield say(Fault.TWICE, f"number {number} is in the log {times} times")
    for number, answer in taken.answers.items():
        entry = by_number.get(number)
        if answer.other_seq is not None:
            yield say(Fault.TWICE, f"number {number} was acknowledged as entry {answer.seq} and {answer.other_seq}")
        if answer.outcome is Outcome.OK and (entry is None or not _is_entry_of(answer, entry)):
            yield say(Fault.LOST, f"number {number} was acknowledged as entry {answer.seq}; the log has {entry}")
    for entry in saved:
        sent = taken.answers.get(entry.client_seq or 0)
        if sent is None or sent.outcome is Outcome.FAILED or (sent.question_id, sent.given) != _content(entry):
            yield say(Fault.PHANTOM, f"entry {entry.seq} of the log, for {entry.question_id}: {entry.given}")


def _is_entry_of(answer: Answer, entry: Logged) -> bool:
    return answer.seq == entry.seq and (answer.question_id, answer.given) == _content(entry)


def _content(entry: Logged) -> tuple[str, str | None]:
    return entry.question_id, entry.given


def _check_response(question_id: str, taken: Taken, stored: Stored, say: _Sayer) -> Iterator[Finding]:
    """The stored answer is the newest acknowledged one, or one sent later of which nobody knows."""
    own = {number: a for number, a in taken.answers.items() if a.question_id == question_id}
    newest = max((number for number, a in own.items() if a.outcome is Outcome.OK), default=0)
    response = stored.responses.get(question_id)
    if response is None or response.given is None:
        if newest:
            yield say(Fault.LOST, f"{question_id} has no answer; {own[newest].given} was acknowledged")
        return
    number = _number_of(question_id, response, stored)
    answer = own.get(number or 0)
    if answer is None or answer.given != response.given or answer.outcome is Outcome.FAILED:
        yield say(Fault.PHANTOM, f"{question_id} has {response.given}, entry {response.seq}")
    elif number is not None and number < newest:
        yield say(Fault.REGRESSED, f"{question_id} has answer {number}, and {newest} was acknowledged")


def _number_of(question_id: str, response: Response, stored: Stored) -> int | None:
    """The client_seq under which the stored answer was sent, by the log."""
    for entry in stored.logged:
        if entry.seq == response.seq and entry.question_id == question_id and entry.verdict == "saved":
            return entry.client_seq
    return None


def _check_end(taken: Taken, stored: Stored, staged: Staged, say: _Sayer) -> Iterator[Finding]:
    row = stored.row
    started, deadline = instant(row["started_at"]), instant(row["deadline_at"])
    assert started is not None
    if staged.minutes is not None:
        right = started + timedelta(minutes=staged.minutes)
    else:
        assert staged.closes_at is not None
        right = staged.closes_at
    if deadline != right:
        yield say(Fault.END, f"the deadline is {row['deadline_at']}, and should be {right.isoformat()}")
    end = instant(row["end_time"])
    if row["status"] == "timeout" and end != deadline:
        yield say(Fault.END, f"it timed out at {row['end_time']}, and its deadline was {row['deadline_at']}")
    if row["status"] == "completed" and not (end and started <= end <= right):
        yield say(Fault.END, f"it was handed in at {row['end_time']}, outside of its time until {row['deadline_at']}")
    if instant(stored.results.get("end_time")) != end:
        yield say(Fault.END, f"the results say {stored.results.get('end_time')}, the row {row['end_time']}")


def _unfinished(staged: Staged, *, closed: bool) -> set[str]:
    """What may be said of an assessment that was not handed in."""
    if staged.closes_at is None:
        return {"started", "in_progress"}
    return {"timeout"} if closed else {"started", "in_progress", "timeout"}


def _check_status(taken: Taken, stored: Stored, unfinished: Set[str]) -> Iterator[Finding]:
    """`unfinished` is what it may be if it was not handed in."""
    possible = {Outcome.OK: {"completed"}, Outcome.UNKNOWN: {"completed", *unfinished}}
    if stored.row["status"] not in possible.get(taken.completed or Outcome.FAILED, unfinished):
        what = f"{stored.row['status']}, where the hand-in was {taken.completed or 'never tried'}"
        yield _Sayer(taken, stored.row["assessment_id"])(Fault.STATUS, what)


def _check_score(stored: Stored, questions: Mapping[str, Question], say: _Sayer) -> Iterator[Finding]:
    """Points, right answers, sum, maximum, percentage and outcome, from the stored answers and the rehearsal's key."""
    right = answered = total = 0
    for question in questions.values():
        response = stored.responses.get(question.question_id)
        if response is None or response.given is None:
            continue
        is_right = response.given == question.right
        points = question.points if is_right else 0
        answered, right, total = answered + 1, right + is_right, total + points
        if (response.is_correct, response.points, response.max_points) != (is_right, points, question.points):
            told = f"{response.points} of {response.max_points} ({response.is_correct})"
            yield say(Fault.SCORE, f"{question.question_id} brought {told}, and should {points} of {question.points}")
    most = sum(question.points for question in questions.values())
    percentage = 100 * total / most
    expected = {"total_score": total, "max_score": most, "percentage_score": percentage}
    for where, told_all in (("row", stored.row), ("results", stored.results)):
        for name, worth in expected.items():
            told_score = told_all.get(name)
            if told_score is None or abs(told_score - worth) > CLOSE_ENOUGH:
                yield say(Fault.SCORE, f"{name} of the {where} is {told_score}, and should be {worth:g}")
        if told_all.get("passed") != (percentage >= PASS_MARK):
            yield say(Fault.SCORE, f"passed of the {where} is {told_all.get('passed')} at {percentage:g} %")
    for name, number in (("correct_answers", right), ("answered_questions", answered)):
        if stored.results.get(name) != number:
            yield say(Fault.SCORE, f"{name} is {stored.results.get(name)}, and should be {number}")


def instant(text: str | None) -> datetime | None:
    """The instant that REST spells so."""
    return None if text is None else datetime.fromisoformat(text)
