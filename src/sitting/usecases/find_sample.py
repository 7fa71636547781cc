"""Find a sample that was loaded before."""

from __future__ import annotations

from sitting.storage.unit_of_work import Storage
from sitting.usecases.sample import LoadedSample, Sample, stored_sample


async def find_sample(storage: Storage, sample: Sample) -> LoadedSample | None:
    """The sample as it stands in the database; None if nobody of it is there. Writes nothing."""
    async with storage.reading() as unit:
        return await stored_sample(unit, sample)
