"""Holds what the clients were told against what is stored: values in, findings out.

Nothing of Sitting's own folding, judging or grading is used here; scores come from tests/support/second_opinion.py.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.second_opinion import score

LOST = "lost"
REGRESSED = "regressed"
WRONG_SCORE = "wrong score"
DOUBLY_FINALISED = "doubly finalised"
EXTRA_ATTEMPT = "extra attempt"
TWO_EFFECTS = "two effects of one answer"
BEHIND_THE_END = "answered behind the end"
WRONG_END = "wrong end"
LATE_END = "ended too late"
NOT_FINAL = "not final in time"
INVENTED = "stored and never sent"
WRONG_ACK = "acknowledgements differ"
BROKEN_LOG = "broken log"
NOT_READY = "not ready again"

DRAIN = timedelta(seconds=5)
IN_TIME = timedelta(seconds=30)  # P18, behind deadline and grace, while any node and the database work
AFTER_AN_OUTAGE = timedelta(seconds=60)
OPEN = ("started", "in_progress", "paused")
OVER = ("completed", "timeout")
MOVES_THE_DEADLINE = ("started", "unpaused", "extended", "credited")

Pair = tuple[str, int]


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: str
    assessment_id: int
    what: str


@dataclass(frozen=True)
class Ack:
    """An acknowledgement, as a client saw it; `entry` is the number in the log, `given` as `given_of` makes it."""

    pair: Pair
    question_id: str
    given: str
    entry: int
    digest: str


@dataclass
class Claims:
    """What the history says of one assessment.

    Attributes:
        sent: what each pair said, by question and given answer.
    """

    acks: list[Ack] = field(default_factory=list)
    sent: dict[Pair, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredEntry:
    """One entry of a log; `body` is its payload."""

    seq: int
    type: str
    body: Mapping[str, Any]
    digest: str
    occurred_at: datetime


@dataclass(frozen=True)
class StoredAssessment:
    """All that the tables hold of an assessment.

    Attributes:
        responses: question_id to the given answer and the number of its entry. paper: question_id and points.
        result: total, maximum, percentage and passed, as in the row.
    """

    assessment_id: int
    application_id: int
    attempt: int
    status: str
    end_time: datetime | None
    result: tuple[int | None, int, int | None, bool | None]
    entries: Sequence[StoredEntry]
    responses: Mapping[str, tuple[str, int]]
    paper: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Rules:
    """What the author of the Tests knows.

    Attributes:
        questions: as second_opinion takes them, by question_id. scoring: its rules.
        most_attempts: by application_id. outages: when nothing could be ended, from and to.
    """

    questions: Mapping[str, Mapping[str, Any]]
    scoring: Mapping[str, Any]
    most_attempts: Mapping[int, int] = field(default_factory=dict)
    outages: Sequence[tuple[datetime, datetime]] = ()


def given_of(answer: Mapping[str, Any]) -> str:
    """One spelling of an answer, on the wire, in the log or in a row."""
    options = answer.get("selected_options")
    return json.dumps([answer.get("selected_option"), sorted(options) if options else None, answer.get("value")])


def claims_of(lines: Iterable[Mapping[str, Any]]) -> tuple[dict[int, Claims], list[Finding]]:
    """What a history says of each assessment, and what the clients themselves found."""
    claims: defaultdict[int, Claims] = defaultdict(Claims)
    asked: dict[int, Mapping[str, Any]] = {}
    found: list[Finding] = []
    for line in lines:
        what = line["s"]
        if what == "finding":
            found.append(Finding(line["kind"], 0, line["what"]))
        elif what == "invoked":
            if line["op"] == "answer":
                asked[line["n"]] = line
                said = claims[line["assessment"]].sent.setdefault(_pair(line), (line["question"], line["given"]))
                if said != (line["question"], line["given"]):
                    found.append(Finding(WRONG_ACK, line["assessment"], f"the client used {_pair(line)} twice"))
        elif what == "again":
            question, given = claims[line["assessment"]].sent[_pair(line)]
            claims[line["assessment"]].acks.append(_ack(line, question, given, line))
        elif (said_ := asked.pop(line["n"], None)) is not None and what == "ok":
            claims[said_["assessment"]].acks.append(_ack(said_, said_["question"], said_["given"], line))
    return dict(claims), found


def _pair(line: Mapping[str, Any]) -> Pair:
    return line["client"], line["number"]


def _ack(said: Mapping[str, Any], question: str, given: str, seen: Mapping[str, Any]) -> Ack:
    return Ack(_pair(said), question, given, seen["entry"], seen["digest"])


def check_assessment(stored: StoredAssessment, claims: Claims, rules: Rules) -> list[Finding]:
    """All that is wrong with one assessment."""
    checks = (
        _check_acks(stored, claims),
        _check_order(stored),
        _check_pairs(stored, claims),
        _check_responses(stored),
        _check_end(stored),
        _check_time(stored, rules),
        _check_score(stored, rules),
    )
    return [Finding(kind, stored.assessment_id, what) for check in checks for kind, what in check]


def check_attempts(stored: Iterable[tuple[int, int, str]], rules: Rules) -> list[Finding]:
    """Attempts beyond what is allowed, from application_id, attempt and status of every assessment."""
    counted: Counter[int] = Counter()
    still_open: Counter[int] = Counter()
    numbers: Counter[tuple[int, int]] = Counter()
    for application_id, attempt, status in stored:
        counted[application_id] += status != "voided"
        still_open[application_id] += status in OPEN
        numbers[application_id, attempt] += 1
    most = rules.most_attempts
    found = [
        Finding(EXTRA_ATTEMPT, 0, f"application {id_} has {number} attempts of {most[id_]}")
        for id_, number in counted.items()
        if id_ in most and number > most[id_]
    ]
    found += [Finding(EXTRA_ATTEMPT, 0, f"application {id_} has {n} open") for id_, n in still_open.items() if n > 1]
    return found + [Finding(EXTRA_ATTEMPT, 0, f"{each} exists {n} times") for each, n in numbers.items() if n > 1]


Found = Iterator[tuple[str, str]]


def _records(stored: StoredAssessment, *types: str) -> Iterator[tuple[StoredEntry, Mapping[str, Any]]]:
    for entry in stored.entries:
        if entry.type in types:
            for record in entry.body["answers"]:
                yield entry, record


def _check_acks(stored: StoredAssessment, claims: Claims) -> Found:
    """Each acknowledged answer stands in the log under its number, and its row is that answer or a newer one."""
    entries = {entry.seq: entry for entry in stored.entries}
    first: dict[Pair, Ack] = {}
    for ack in claims.acks:
        if first.setdefault(ack.pair, ack) != ack:
            yield WRONG_ACK, f"{first[ack.pair]} and {ack}"
        entry = entries.get(ack.entry)
        kept = [] if entry is None or entry.type != "answered" else entry.body["answers"]
        if not any(_is_of(ack, record) and record["verdict"] == "saved" for record in kept):
            yield LOST, f"{ack} is not in the log"
            continue
        if entry is not None and entry.digest != ack.digest:
            yield WRONG_ACK, f"{ack} names another digest than {entry.digest}"
        given, seq = stored.responses.get(ack.question_id, ("", 0))
        if seq == 0:
            yield LOST, f"{ack} has no row"
        elif seq < ack.entry or (seq == ack.entry and given != ack.given):
            yield REGRESSED, f"{ack} gave way to {given} of entry {seq}"


def _is_of(ack: Ack, record: Mapping[str, Any]) -> bool:
    pair = record["client_id"], record["client_seq"]
    return (pair, record["question_id"], given_of(record)) == (ack.pair, ack.question_id, ack.given)


def _check_order(stored: StoredAssessment) -> Found:
    """What was saved never took the place of something newer."""
    newest: dict[tuple[str, str], int] = {}
    current: dict[str, tuple[int, str]] = {}
    for entry, record in _records(stored, "answered"):
        question, client, number = record["question_id"], record["client_id"], record["client_seq"]
        if record["verdict"] != "saved" or client is None:
            continue
        if number < newest.get((client, question), -1):
            yield REGRESSED, f"entry {entry.seq} saved number {number} of {client} behind a higher one"
        newest[client, question] = max(number, newest.get((client, question), -1))
        seq, holder = current.get(question, (0, client))
        if holder != client and record["base_seq"] is not None and record["base_seq"] < seq:
            yield REGRESSED, f"entry {entry.seq} replaced entry {seq}, which its client had not seen"
        current[question] = entry.seq, client


def _check_pairs(stored: StoredAssessment, claims: Claims) -> Found:
    """One entry for each pair at most, and nothing that nobody sent."""
    seen: Counter[Pair] = Counter()
    for entry, record in _records(stored, "answered", "late_answer"):
        pair = record["client_id"], record["client_seq"]
        seen[pair] += 1
        sent = claims.sent.get(pair)
        if sent != (record["question_id"], given_of(record)):
            yield INVENTED, f"entry {entry.seq}: {record}, sent was {sent}"
    yield from ((TWO_EFFECTS, f"{pair} is kept {number} times") for pair, number in seen.items() if number > 1)


def _folded(stored: StoredAssessment) -> dict[str, tuple[str, int]]:
    """The newest saved answer to each question, by the log."""
    return {
        record["question_id"]: (given_of(record), entry.seq)
        for entry, record in _records(stored, "answered")
        if record["verdict"] == "saved"
    }


def _check_responses(stored: StoredAssessment) -> Found:
    folded = _folded(stored)
    for question in folded.keys() | stored.responses.keys():
        row, by_log = stored.responses.get(question), folded.get(question)
        if row != by_log:
            older = row is not None and by_log is not None and row[1] < by_log[1]
            yield REGRESSED if older else BROKEN_LOG, f"{question}: the row says {row}, the log {by_log}"
    if [entry.seq for entry in stored.entries] != list(range(1, len(stored.entries) + 1)):
        yield BROKEN_LOG, "numbers are missing"


def _check_end(stored: StoredAssessment) -> Found:
    """One end at most, the one that the row names, and no answer behind it."""
    ends = [entry for entry in stored.entries if entry.type == "finalized"]
    if len(ends) > 1:
        yield DOUBLY_FINALISED, f"entries {[entry.seq for entry in ends]}"
    if not ends:
        if stored.status in OVER:
            yield WRONG_END, f"{stored.status} without an end in the log"
        return
    behind = [entry.seq for entry in stored.entries if entry.type == "answered" and entry.seq > ends[0].seq]
    if behind:
        yield BEHIND_THE_END, f"entries {behind} behind {ends[0].seq}"
    if stored.status != "voided" and stored.status != ends[0].body["status"]:
        yield WRONG_END, f"the row says {stored.status}, the log {ends[0].body['status']}"


def _check_time(stored: StoredAssessment, rules: Rules) -> Found:
    """A timeout ends at the deadline, was written neither before the drain nor too late, and nothing ends behind it."""
    end = next((entry for entry in stored.entries if entry.type == "finalized"), None)
    deadline = _deadline(stored, end)
    if end is None or deadline is None or stored.end_time is None:
        return
    if stored.end_time > deadline:
        yield WRONG_END, f"{stored.end_time} is behind the deadline {deadline}"
    if end.body["status"] != "timeout":
        return
    if stored.end_time != deadline:
        yield WRONG_END, f"the end is {stored.end_time}, the deadline {deadline}"
    closes = deadline + timedelta(seconds=stored.entries[0].body["grace_seconds"])
    if end.occurred_at < closes + DRAIN:
        yield WRONG_END, f"it timed out at {end.occurred_at}, before the drain was over"
    if end.occurred_at > closes + IN_TIME and not _is_excused(closes, end.occurred_at, rules.outages):
        yield LATE_END, f"deadline and grace were over at {closes}, it ended at {end.occurred_at}"


def _is_excused(due: datetime, done: datetime, outages: Sequence[tuple[datetime, datetime]]) -> bool:
    """Whether an outage began while it was due, and it came soon behind the outage or behind one that soon followed."""
    until = due + IN_TIME
    for begin, end in sorted(outages):
        if begin <= until:
            until = max(until, end + AFTER_AN_OUTAGE)
    return done <= until


def _deadline(stored: StoredAssessment, end: StoredEntry | None) -> datetime | None:
    """The deadline as the log last moved it before its end."""
    deadline = None
    for entry in stored.entries:
        if end is not None and entry.seq > end.seq:
            break
        if entry.type in MOVES_THE_DEADLINE:
            deadline = entry.body["deadline_at"]
        elif entry.type == "paused":
            deadline = None
    return None if deadline is None else datetime.fromisoformat(deadline)


def _check_score(stored: StoredAssessment, rules: Rules) -> Found:
    end = next((entry for entry in stored.entries if entry.type == "finalized"), None)
    if end is None:
        return
    folded = _folded(stored)
    questions = [{**rules.questions[question], "points": points} for question, points in stored.paper]
    answers = [_plain(folded[question][0]) if question in folded else None for question, _ in stored.paper]
    right = score(questions, answers, rules.scoring)
    expected = (right["total"], right["maximum"], right["percentage"], right["passed"])
    names = ("total_score", "max_score", "percentage_score", "passed")
    told = tuple(end.body[name] for name in names)
    if expected != told or stored.result != told:
        yield WRONG_SCORE, f"{expected} is right, the log says {told}, the row {stored.result}"


def _plain(given: str) -> Any:
    option, options, value = json.loads(given)
    return option if option is not None else options if options is not None else value


def check_final(still_open: Iterable[tuple[int, datetime | None, int]], now: datetime) -> list[Finding]:
    """Assessments that should have been closed by `now`: of those that are open, id, deadline and grace in seconds."""
    return [
        Finding(NOT_FINAL, id_, f"its deadline was {deadline}")
        for id_, deadline, grace in still_open
        if deadline is not None and deadline + timedelta(seconds=grace) + IN_TIME < now
    ]
