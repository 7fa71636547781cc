"""What never changes once stored, kept in memory: published versions and question contents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.question import QuestionContent
from sitting.storage.repositories.blueprints import BlueprintRepository
from sitting.storage.repositories.questions import QuestionRepository

K = TypeVar("K")
V = TypeVar("V")

MAX_VERSIONS = 500
MAX_CONTENTS = 20_000


class _Bounded(dict[K, V], Generic[K, V]):
    """A dictionary that forgets its oldest entries."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > self._limit:
            del self[next(iter(self))]


class Frozen:
    """A cache that goes stale by nothing but an erasure, behind which whoever reads papers asks the database.

    Only what was read from the database enters it: a rollback leaves no trace.
    """

    def __init__(self) -> None:
        self._versions: _Bounded[int, PublishedVersion] = _Bounded(MAX_VERSIONS)
        self._contents: _Bounded[str, QuestionContent] = _Bounded(MAX_CONTENTS)
        self._derived: _Bounded[int, tuple[PublishedVersion, object]] = _Bounded(MAX_VERSIONS)

    async def version(self, repository: BlueprintRepository, version_id: int) -> PublishedVersion:
        """That published version."""
        found = self._versions.get(version_id)
        if found is None:
            found = self._versions[version_id] = await repository.version(version_id)
        return found

    async def current_version(self, repository: BlueprintRepository, test_id: int) -> PublishedVersion:
        """The newest version of a Test; only its number is asked of the database.

        Raises:
            BlueprintNotFound: there is no such Test, or it was never published.
        """
        return await self.version(repository, await repository.current_version_id(test_id))

    async def current_versions(
        self, repository: BlueprintRepository, test_ids: Collection[int]
    ) -> dict[int, PublishedVersion]:
        """The newest versions of several Tests, by test_id; those that were never published are left out."""
        newest = await repository.current_version_ids(test_ids)
        return {test_id: await self.version(repository, version_id) for test_id, version_id in newest.items()}

    def derived(self, version: PublishedVersion, make: Callable[[PublishedVersion], V]) -> V:
        """What `make` makes of that version; made once. There is one such maker for all versions."""
        found = self._derived.get(version.version_id)
        if found is None or found[0] is not version:
            found = self._derived[version.version_id] = version, make(version)
        return found[1]  # type: ignore[return-value]

    async def contents(self, repository: QuestionRepository, digests: Iterable[str]) -> Mapping[str, QuestionContent]:
        """The contents of these digests."""
        wanted = set(digests)
        found = {digest: self._contents[digest] for digest in wanted if digest in self._contents}
        missing = wanted - found.keys()
        if missing:
            for digest, content in (await repository.contents(missing)).items():
                found[digest] = self._contents[digest] = content
        return found
