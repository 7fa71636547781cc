"""Questions that runs made: what waits for a reviewer, and what waits for a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict, NotFound
from sitting.domain.proposal import NewProposal, PreparedQuestion, Proposal, ProposalState
from sitting.domain.question import QuestionContent
from sitting.domain.run import RunKind
from sitting.storage.graph_tables import prepared_questions, proposals, runs
from sitting.storage.inserting import insert_into
from sitting.storage.tables import question_contents

_CONTENT = msgspec.json.Decoder(QuestionContent)


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals are wanted; None asks for nothing. `test_id`, `kind`: those of such runs."""

    state: ProposalState | None = ProposalState.WAITING
    run_id: str | None = None
    test_id: int | None = None
    skill: str | None = None
    kind: RunKind | None = None


class ProposalRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert_many(self, new: Sequence[NewProposal], *, now: datetime) -> None:
        """Store what a run hands in, with its wording. One that is there already stays as it is."""
        if not new:
            return
        digests = [each.content.digest() for each in new]
        contents = [{"digest": d, "body": e.content.encoded()} for d, e in zip(digests, new, strict=True)]
        rows = [
            {
                "question_id": each.question_id,
                "content_digest": digest,
                "run_id": each.run_id,
                "state": ProposalState.WAITING,
                "skill": each.content.skill,
                "lineage": each.lineage,
                "evidence": each.evidence,
                "created_at": now,
            }
            for digest, each in zip(digests, new, strict=True)
        ]
        await self._connection.execute(
            insert_into(self._connection, question_contents).on_conflict_do_nothing(), contents
        )
        await self._connection.execute(insert_into(self._connection, proposals).on_conflict_do_nothing(), rows)

    async def select(self, question_id: str) -> Proposal:
        """The proposal.

        Raises:
            NotFound: there is none.
        """
        row = (await self._connection.execute(_all().where(proposals.c.question_id == question_id))).one_or_none()
        if row is None:
            raise NotFound("There is no such proposal.", question_id=question_id)
        return _proposal(row)

    async def list_page(
        self, *, limit: int, after: tuple[datetime, str] | None = None, wanted: ProposalFilter | None = None
    ) -> list[Proposal]:
        """Proposals, the oldest first, behind `after`: created_at and question_id of the last one seen."""
        wanted = wanted or ProposalFilter()
        statement = _all().order_by(proposals.c.created_at, proposals.c.question_id).limit(limit)
        if after is not None:
            place = tuple_(literal(after[0], proposals.c.created_at.type), after[1])
            statement = statement.where(tuple_(proposals.c.created_at, proposals.c.question_id) > place)
        for name in ("state", "run_id", "skill"):
            value = getattr(wanted, name)
            if value is not None:
                statement = statement.where(proposals.c[name] == value)
        for name in ("test_id", "kind"):
            value = getattr(wanted, name)
            if value is not None:
                statement = statement.where(runs.c[name] == value)
        return [_proposal(row) for row in await self._connection.execute(statement)]

    async def waiting_by_skill(self) -> dict[str, int]:
        """How many proposals wait for a reviewer, by skill."""
        waits = proposals.c.state == ProposalState.WAITING
        statement = select(proposals.c.skill, func.count()).where(waits).group_by(proposals.c.skill)
        return {row.skill: row[1] for row in await self._connection.execute(statement)}

    async def decide(
        self,
        question_id: str,
        state: ProposalState,
        *,
        by: int | None,
        now: datetime,
        note: str | None = None,
        evidence: str | None = None,
    ) -> None:
        """Note what became of a proposal that waits. What this means to the bank is for the caller to do.

        Args:
            evidence: in the place of what there is; None leaves it.

        Raises:
            NotFound: there is none. Conflict: it was decided before; `details.state` says how.
        """
        waits = proposals.c.state == ProposalState.WAITING
        statement = update(proposals).where(proposals.c.question_id == question_id, waits)
        values: dict[str, Any] = {"state": state, "decided_by": by, "decided_at": now, "note": note}
        if evidence is not None:
            values["evidence"] = evidence
        if (await self._connection.execute(statement.values(values))).rowcount != 1:
            decided = await self.select(question_id)
            raise Conflict("This proposal was decided already.", question_id=question_id, state=decided.state)


class PreparedRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, assessment_id: int, position: int, question_id: str, *, now: datetime) -> bool:
        """Prepare a proposal for a slot, unless the slot has one, or the question another slot; returns whether it was.

        Whoever puts it holds the run (`RunRepository.hold`).
        """
        values = {"assessment_id": assessment_id, "position": position, "question_id": question_id, "prepared_at": now}
        statement = insert_into(self._connection, prepared_questions).values(values).on_conflict_do_nothing()
        return (await self._connection.execute(statement)).rowcount == 1

    async def at(self, assessment_id: int, position: int) -> PreparedQuestion | None:
        """What is prepared for that slot; None if nothing is."""
        row = (await self._connection.execute(_prepared(assessment_id, position))).one_or_none()
        return None if row is None else PreparedQuestion(*row)

    async def of_assessment(self, assessment_id: int) -> Mapping[int, PreparedQuestion]:
        """All that is prepared for an assessment, by position."""
        rows = await self._connection.execute(_prepared(assessment_id))
        return {row.position: PreparedQuestion(*row) for row in rows}


def _all() -> Select[Any]:
    columns = [column for column in proposals.c if column.name != "skill"]
    return (
        select(*columns, question_contents.c.body, runs.c.kind)
        .join(question_contents, question_contents.c.digest == proposals.c.content_digest)
        .join(runs, runs.c.id == proposals.c.run_id)
    )


def _prepared(assessment_id: int, position: int | None = None) -> Select[Any]:
    table = prepared_questions
    statement = (
        select(table.c.position, table.c.question_id, proposals.c.content_digest, table.c.prepared_at)
        .join(proposals, proposals.c.question_id == table.c.question_id)
        .where(table.c.assessment_id == assessment_id)
        .order_by(table.c.position)
    )
    return statement if position is None else statement.where(table.c.position == position)


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        row.question_id,
        row.run_id,
        _CONTENT.decode(row.body),
        row.content_digest,
        ProposalState(row.state),
        row.lineage,
        row.evidence,
        row.created_at,
        row.decided_by,
        row.decided_at,
        row.note,
        RunKind(row.kind),
    )
