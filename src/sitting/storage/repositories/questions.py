"""The question bank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_ignore_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict, InvalidMessage, QuestionNotFound
from sitting.domain.question import Difficulty, QuestionContent, QuestionVersion
from sitting.kit.markup import media_of
from sitting.storage.among import among
from sitting.storage.tables import (
    content_media,
    media,
    question_contents,
    question_tags,
    question_versions,
    questions,
)

_CONTENT = msgspec.json.Decoder(QuestionContent)


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """Which questions are wanted; None and () ask for nothing. `words` must all occur, in any letter case.

    `archived` asks for those that were taken out of the bank, instead of those that are in it.
    """

    skill: str | None = None
    difficulty: str | None = None
    type: str | None = None
    tags: Sequence[str] = ()
    words: Sequence[str] = ()
    archived: bool = False


ANY_QUESTION = QuestionFilter()


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A line of a question's history. `created_by` is a user's id, None for what no user did."""

    version: int
    digest: str
    created_by: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a question is known, archived ones included."""

    question_id: str
    slug: str | None
    is_archived: bool


@dataclass(frozen=True, slots=True)
class SkillCount:
    """How many questions of the bank a skill has, by difficulty; difficulties without one are missing."""

    skill: str
    questions: Mapping[Difficulty, int]


class QuestionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, question_id: str, content: QuestionContent, *, slug: str | None, by: int | None, now: datetime
    ) -> QuestionVersion:
        """Add a question as version 1.

        Raises:
            Conflict: the slug is taken. InvalidMessage: it shows an image that is not stored.
        """
        made = QuestionVersion(question_id, slug, 1, content, content.digest())
        await self.write([made], [], by=by, now=now)
        return made

    async def revise(
        self, question_id: str, content: QuestionContent, *, by: int | None, now: datetime
    ) -> QuestionVersion:
        """Make `content` the current version; the older ones stay.

        Raises:
            QuestionNotFound: the bank has no such question. InvalidMessage: it shows an image that is not stored.
        """
        current = await self.select(question_id, for_update=True)
        digest = content.digest()
        if current.digest == digest:
            return current
        made = QuestionVersion(question_id, current.slug, current.version + 1, content, digest)
        await self.write([], [made], by=by, now=now)
        return made

    async def write(
        self, new: Sequence[QuestionVersion], revised: Sequence[QuestionVersion], *, by: int | None, now: datetime
    ) -> None:
        """Store questions that are new, and next versions of others: a few statements, however many there are.

        Raises:
            Conflict: a slug or an id is taken. InvalidMessage: one shows an image that is not stored.
        """
        made = [*new, *revised]
        if not made:
            return
        shown = await self._require_media(made)
        await self._insert(new, now)
        if revised:
            await self._connection.execute(_REVISE, [_revision(version, now) for version in revised])
            ids = [{"revised_id": version.question_id} for version in revised]
            await self._connection.execute(_FORGET_TAGS, ids)
        tags = [{"question_id": v.question_id, "tag": tag} for v in made for tag in v.content.tags]
        await self._insert_all(insert(question_tags), tags)
        contents = [{"digest": v.digest, "body": v.content.encoded()} for v in made]
        await self._insert_all(self._insert_or_ignore(question_contents), contents)
        versions = [
            {
                "question_id": v.question_id,
                "version": v.version,
                "content_digest": v.digest,
                "created_by": by,
                "created_at": now,
            }
            for v in made
        ]
        await self._insert_all(insert(question_versions), versions)
        images = [{"content_digest": digest, "sha256": sha256} for digest, sha256 in shown]
        await self._insert_all(self._insert_or_ignore(content_media), images)

    async def archive(self, question_id: str, *, now: datetime) -> None:
        """Take a question out of the bank. Versions stay: papers and published Tests go on.

        Raises:
            QuestionNotFound: the bank has no such question.
        """
        await self.select(question_id)
        await self._connection.execute(
            update(questions).where(questions.c.id == question_id).values(archived_at=now, updated_at=now)
        )

    async def restore(self, question_id: str, *, now: datetime) -> QuestionVersion:
        """Put an archived question back into the bank, in the version that it had.

        Raises:
            QuestionNotFound: there is none of this id in the archive.
        """
        archived = questions.c.archived_at.is_not(None)
        statement = (
            update(questions).where(questions.c.id == question_id, archived).values(archived_at=None, updated_at=now)
        )
        if (await self._connection.execute(statement)).rowcount != 1:
            raise QuestionNotFound("The archive has no such question.", question_id=question_id)
        return await self.select(question_id)

    async def select(self, question_id: str, *, for_update: bool = False) -> QuestionVersion:
        """The current version.

        Raises:
            QuestionNotFound: the bank has no such question (any more).
        """
        statement = _current().where(questions.c.id == question_id)
        if for_update:
            statement = statement.with_for_update(of=questions, key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise QuestionNotFound("The bank has no such question.", question_id=question_id)
        return _version(row)

    async def select_many(self, question_ids: Iterable[str], *, for_update: bool = False) -> dict[str, QuestionVersion]:
        """The current versions of those that exist, by question_id."""
        statement = _current().where(questions.c.id.in_(list(question_ids)))
        if for_update:
            statement = statement.order_by(questions.c.id).with_for_update(of=questions, key_share=True)
        return {row.id: _version(row) for row in await self._connection.execute(statement)}

    async def list_page(
        self, *, after: str, limit: int | None, wanted: QuestionFilter = ANY_QUESTION
    ) -> list[QuestionVersion]:
        """Current versions by question_id, behind `after`; no `limit` gives all."""
        statement = _narrowed(_current(archived=wanted.archived), wanted)
        statement = statement.where(questions.c.id > after).order_by(questions.c.id).limit(limit)
        return [_version(row) for row in await self._connection.execute(statement)]

    async def history(self, question_id: str) -> list[VersionEntry]:
        """All versions of a question, the first one first; archived questions have theirs, too.

        Raises:
            QuestionNotFound: there never was such a question.
        """
        columns = question_versions.c
        statement = select(columns.version, columns.content_digest, columns.created_by, columns.created_at)
        statement = statement.where(columns.question_id == question_id).order_by(columns.version)
        found = [VersionEntry(*row) for row in await self._connection.execute(statement)]
        if not found:
            raise QuestionNotFound("There is no such question.", question_id=question_id)
        return found

    async def select_version(self, question_id: str, number: int) -> QuestionVersion:
        """One version of a question, whether or not it is archived.

        Raises:
            QuestionNotFound: there is no such version.
        """
        columns = question_versions.c
        statement: Select[Any] = (
            select(
                questions.c.id, questions.c.slug, columns.version, question_contents.c.digest, question_contents.c.body
            )
            .join(question_versions, columns.question_id == questions.c.id)
            .join(question_contents, question_contents.c.digest == columns.content_digest)
            .where(questions.c.id == question_id, columns.version == number)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise QuestionNotFound("There is no such version.", question_id=question_id, version=number)
        return _version(row)

    async def identities(self, question_ids: Sequence[str], slugs: Sequence[str]) -> list[Identity]:
        """The questions that have one of these ids or slugs, archived ones included."""
        statement = select(questions.c.id, questions.c.slug, questions.c.archived_at.is_not(None)).where(
            or_(questions.c.id.in_(list(question_ids)), questions.c.slug.in_(list(slugs)))
        )
        return [Identity(row[0], row[1], bool(row[2])) for row in await self._connection.execute(statement)]

    async def skills(self) -> list[SkillCount]:
        """The skills of the bank, by name."""
        columns = (questions.c.skill, questions.c.difficulty)
        statement = select(*columns, func.count()).where(questions.c.archived_at.is_(None)).group_by(*columns)
        found: dict[str, dict[Difficulty, int]] = {}
        for skill, difficulty, number in await self._connection.execute(statement):
            found.setdefault(skill, {})[Difficulty(difficulty)] = number
        return [SkillCount(skill, found[skill]) for skill in sorted(found)]

    async def tags(self) -> list[tuple[str, int]]:
        """The tags of the bank by name, each with how many questions have it."""
        statement = (
            select(question_tags.c.tag, func.count())
            .join(questions, questions.c.id == question_tags.c.question_id)
            .where(questions.c.archived_at.is_(None))
            .group_by(question_tags.c.tag)
        )
        return sorted((row[0], row[1]) for row in await self._connection.execute(statement))

    async def contents(self, digests: Iterable[str]) -> Mapping[str, QuestionContent]:
        """Stored contents by digest."""
        statement = select(question_contents).where(among(self._connection, question_contents.c.digest, list(digests)))
        return {row.digest: _CONTENT.decode(row.body) for row in await self._connection.execute(statement)}

    async def digests(self) -> dict[str, str]:
        """The digest of each question of the bank in its current version, by question_id."""
        versions = question_versions
        current = (versions.c.question_id == questions.c.id) & (versions.c.version == questions.c.current_version)
        statement = select(questions.c.id, versions.c.content_digest).join(versions, current)
        rows = await self._connection.execute(statement.where(questions.c.archived_at.is_(None)))
        return {row.id: row.content_digest for row in rows}

    async def missing_media(self, sha256s: Iterable[str]) -> set[str]:
        """Which of these images are not stored."""
        wanted = set(sha256s)
        if not wanted:
            return set()
        rows = await self._connection.execute(select(media.c.sha256).where(media.c.sha256.in_(sorted(wanted))))
        return wanted - set(rows.scalars())

    async def _require_media(self, made: Sequence[QuestionVersion]) -> list[tuple[str, str]]:
        """The images that each content shows, as pairs of digests."""
        shown = sorted({(v.digest, sha256) for v in made for sha256 in shown_media(v.content)})
        missing = await self.missing_media(sha256 for _, sha256 in shown)
        if missing:
            problems = [f"the image media:{sha256} is not stored" for sha256 in sorted(missing)]
            raise InvalidMessage("This question shows images that are not stored.", problems=problems)
        return shown

    async def _insert(self, new: Sequence[QuestionVersion], now: datetime) -> None:
        rows: list[dict[str, Any]] = [
            {
                "id": v.question_id,
                "slug": v.slug,
                "current_version": 1,
                "created_at": now,
                "updated_at": now,
                **_found_by(v.slug, v.content),
            }
            for v in new
        ]
        try:
            async with self._connection.begin_nested():
                await self._insert_all(insert(questions), rows)
        except IntegrityError:
            if len(new) == 1 and new[0].slug is not None:
                raise Conflict("There is a question with this slug already.", slug=new[0].slug) from None
            raise Conflict("Somebody else has just added a question with the same slug or id.") from None

    async def _insert_all(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self._connection.execute(statement, rows)

    def _insert_or_ignore(self, table: Table) -> Any:
        dialect = self._connection.dialect.name
        make = insert_or_ignore_postgresql if dialect == "postgresql" else insert_or_ignore_sqlite
        return make(table).on_conflict_do_nothing()


_REVISE = (
    update(questions)
    .where(questions.c.id == bindparam("revised_id"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("current_version", "updated_at", "type", "skill", "difficulty", "search_text")
        }
    )
)
_FORGET_TAGS = delete(question_tags).where(question_tags.c.question_id == bindparam("revised_id"))


def _revision(version: QuestionVersion, now: datetime) -> dict[str, Any]:
    values = {"current_version": version.version, "updated_at": now} | _found_by(version.slug, version.content)
    return {"revised_id": version.question_id} | {f"new_{name}": value for name, value in values.items()}


def shown_media(content: QuestionContent) -> set[str]:
    """The SHA-256 of each image that a content shows, in whatever part of it."""
    texts = [content.text, content.explanation, *(part for o in content.options for part in (o.text, o.feedback))]
    return {sha256 for text in texts if "media:" in text for sha256 in media_of(text)}


def _found_by(slug: str | None, content: QuestionContent) -> dict[str, Any]:
    """What is written beside a question, by which it is found."""
    words = [slug or "", content.skill, content.text, *(option.text for option in content.options)]
    return {
        "type": content.type,
        "skill": content.skill,
        "difficulty": content.difficulty,
        "search_text": "\n".join(words).casefold(),
    }


def _narrowed(statement: Select[Any], wanted: QuestionFilter) -> Select[Any]:
    for name in ("skill", "difficulty", "type"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(questions.c[name] == value)
    for tag in wanted.tags:
        having = select(question_tags.c.question_id).where(question_tags.c.tag == tag)
        statement = statement.where(questions.c.id.in_(having))
    for word in wanted.words:
        statement = statement.where(questions.c.search_text.contains(word.casefold(), autoescape=True))
    return statement


def _current(*, archived: bool = False) -> Select[Any]:
    versions, contents = question_versions, question_contents
    return (
        select(questions.c.id, questions.c.slug, versions.c.version, contents.c.digest, contents.c.body)
        .join(
            versions,
            (versions.c.question_id == questions.c.id) & (versions.c.version == questions.c.current_version),
        )
        .join(contents, contents.c.digest == versions.c.content_digest)
        .where(questions.c.archived_at.is_not(None) if archived else questions.c.archived_at.is_(None))
    )


def _version(row: Row[Any]) -> QuestionVersion:
    return QuestionVersion(row.id, row.slug, row.version, _CONTENT.decode(row.body), row.digest)
