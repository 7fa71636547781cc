"""What candidates say of themselves, by application. Beside the application's row, which is read at every start."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import NotFound
from sitting.domain.resume import Resume
from sitting.storage.graph_tables import application_resumes
from sitting.storage.inserting import insert_into
from sitting.storage.tables import assessments


class ResumeRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def select(self, application_id: int) -> Resume:
        """The résumé of that application.

        Raises:
            NotFound: it has none.
        """
        table = application_resumes
        row = (
            await self._connection.execute(select(table).where(table.c.application_id == application_id))
        ).one_or_none()
        if row is None:
            raise NotFound("This application has no résumé.", application_id=application_id)
        return Resume(row.application_id, row.body, row.updated_at)

    async def of_assessment(self, assessment_id: int) -> str:
        """What the candidate of that assessment says of themselves; empty if nothing is known."""
        table = application_resumes
        statement = (
            select(table.c.body)
            .join(assessments, assessments.c.application_id == table.c.application_id)
            .where(assessments.c.id == assessment_id)
        )
        return await self._connection.scalar(statement) or ""

    async def put(self, resume: Resume) -> None:
        """Store it in the place of an earlier one; the application must exist."""
        values = {"body": resume.text, "updated_at": resume.updated_at}
        statement = insert_into(self._connection, application_resumes).values(
            application_id=resume.application_id, **values
        )
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["application_id"], set_=values))

    async def remove(self, application_id: int) -> None:
        """Drop it, if there is one."""
        table = application_resumes
        await self._connection.execute(delete(table).where(table.c.application_id == application_id))
