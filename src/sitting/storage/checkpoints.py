"""LangGraph's checkpoints in our own tables. Imports langgraph, which is slow: only what drives graphs imports this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)

from sitting.domain.run import Lease
from sitting.storage.checkpoint_values import RunSerializer
from sitting.storage.repositories.checkpoints import StoredCheckpoint, StoredWrite
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage, UnitOfWork


class RunSaver(BaseCheckpointSaver[int]):
    """Keeps how far the graph of one run is, for as long as the lease is good. The thread_id is the run_id.

    A checkpoint is written whole, in a transaction of its own, as is what each task brings. The graph must be driven
    with `durability="sync"` and by the asynchronous methods alone.

    Args:
        types: dataclasses and enums of ours that states and results of tasks may hold, beside plain values; see
            `RunSerializer`. Nothing is ever pickled.
    """

    def __init__(self, storage: Storage, lease: Lease, types: Collection[type] = ()) -> None:
        super().__init__(serde=RunSerializer(types))
        self._storage = storage
        self._lease = lease
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the newest one; None if there is none.

        Raises:
            Unavailable: the database failed.
        """
        run_id, namespace = _place(config)
        async with self._storage.reading() as unit:
            found = await unit.checkpoints.find(run_id, namespace, get_checkpoint_id(config))
            return None if found is None else await self._told(unit, found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, the newest first.

        Raises:
            Unavailable: the database failed.
        """
        named = {} if config is None else config["configurable"]
        async with self._storage.reading() as unit:
            stored = await unit.checkpoints.list(
                named.get("thread_id", self._lease.run_id),
                named.get("checkpoint_ns"),
                checkpoint_id=None if config is None else get_checkpoint_id(config),
                before=None if before is None else get_checkpoint_id(before),
            )
            told = [await self._told(unit, each) for each in stored]
        wanted = (filter or {}).items()
        fitting = [one for one in told if all(one.metadata.get(name) == value for name, value in wanted)]
        for each in fitting[:limit]:
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint as the newest one.

        Raises:
            LeaseLost: another node has the run, or it is over. Unavailable: the database failed.
        """
        del new_versions  # for savers that store each channel by itself
        run_id, namespace = _place(config)
        encoding, body = self.serde.dumps_typed([checkpoint, get_checkpoint_metadata(config, metadata)])
        made = StoredCheckpoint(
            run_id,
            namespace,
            checkpoint["id"],
            get_checkpoint_id(config),
            encoding,
            body,
            datetime.fromisoformat(checkpoint["ts"]),
        )
        async with self._writing(run_id) as unit:
            await unit.checkpoints.put(made)
        return _config(run_id, namespace, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task of the step behind that checkpoint brought.

        Raises:
            LeaseLost: another node has the run, or it is over. Unavailable: the database failed.
        """
        run_id, namespace = _place(config)
        brought = [
            StoredWrite(
                task_id, WRITES_IDX_MAP.get(channel, number), task_path, channel, *self.serde.dumps_typed(value)
            )
            for number, (channel, value) in enumerate(writes)
        ]
        async with self._writing(run_id) as unit:
            await unit.checkpoints.put_writes(run_id, namespace, config["configurable"]["checkpoint_id"], brought)

    async def adelete_thread(self, thread_id: str) -> None:
        """Drop all that is kept of the run's way.

        Raises:
            LeaseLost: another node has the run, or it is over. Unavailable: the database failed.
        """
        async with self._writing(thread_id) as unit:
            await unit.checkpoints.forget(thread_id)

    async def wait_for_writes(self) -> None:
        """Wait until nothing is being written: a graph that is cancelled leaves writes behind that go on by themselves.

        Whoever drove it waits here before the run is parked or finished, and before the database is closed.
        """
        await asyncio.sleep(0)  # what is about to begin, begins
        await self._quiet.wait()

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> RunSaver:
        """This saver: what it may make was said once."""
        del extra_allowlist
        return self

    @asynccontextmanager
    async def _writing(self, run_id: str) -> AsyncIterator[UnitOfWork]:
        self._under_way += 1
        self._quiet.clear()
        try:
            async with self._storage.unit_of_work(Urgency.LATER) as unit:
                await self._hold(unit, run_id)
                yield unit
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def _hold(self, unit: UnitOfWork, run_id: str) -> None:
        if run_id != self._lease.run_id:
            raise ValueError(f"the saver of {self._lease.run_id} cannot write for {run_id}")
        await unit.runs.hold(self._lease)

    async def _told(self, unit: UnitOfWork, stored: StoredCheckpoint) -> CheckpointTuple:
        checkpoint, metadata = self.serde.loads_typed((stored.encoding, stored.body))
        writes = await unit.checkpoints.writes(stored.run_id, stored.namespace, stored.checkpoint_id)
        return CheckpointTuple(
            _config(stored.run_id, stored.namespace, stored.checkpoint_id),
            checkpoint,
            metadata,
            None if stored.parent_id is None else _config(stored.run_id, stored.namespace, stored.parent_id),
            [(each.task_id, each.channel, self.serde.loads_typed((each.encoding, each.body))) for each in writes],
        )


def _place(config: RunnableConfig) -> tuple[str, str]:
    named = config["configurable"]
    return named["thread_id"], named.get("checkpoint_ns", "")


def _config(run_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    named = {"thread_id": run_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return {"configurable": named}
