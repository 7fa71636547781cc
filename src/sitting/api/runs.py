"""Runs: questions that a model writes for the bank, or for one candidate."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, status

from sitting.api.fields import EntityId, Text
from sitting.api.idempotency import IdempotentRoute
from sitting.api.pagination import Page, Paged
from sitting.api.places import cursor_of, place_of
from sitting.api.problems import refusals
from sitting.api.run_bodies import NewRun, ShownModelCall, ShownRun, shown_call, shown_run
from sitting.api.run_events import EventStream, event_stream
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import BlueprintNotFound, Conflict, NotFound
from sitting.domain.run import RunKind, RunStatus
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.storage.repositories.runs import RunFilter
from sitting.usecases.begin_authoring_run import begin_authoring_run
from sitting.usecases.cancel_run import cancel_run

router = APIRouter(prefix="/runs", tags=["questions by a model"], route_class=IdempotentRoute)

Author = Annotated[Identity, require(Action.RUN_MODELS)]
Reader = Annotated[Identity, require(Action.READ_BANK)]
RunPath = Annotated[Text, Path(min_length=1, max_length=64)]
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["run", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `run` and `end`, whose data is the run as `GET /runs/{run_id}` has it.",
        "content": {EventStream.media_type: {"schema": _EVENT}},
    }
}


async def _wanted(
    kind: RunKind | None = None,
    status_: Annotated[RunStatus | None, Query(alias="status")] = None,
    test_id: Annotated[EntityId | None, Query()] = None,
) -> RunFilter:
    return RunFilter(kind, status_, test_id)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(BlueprintNotFound, Conflict))
async def begin_run(services: Parts, now: Now, who: Author, body: NewRun) -> ShownRun:
    """Have questions written; a node of the server takes the run up within seconds."""
    run = await begin_authoring_run(
        services.storage,
        services.model,
        body.to_wish(),
        limits=body.limits.to_limits(),
        test_id=body.test_id,
        by=who.user_id,
        now=now,
    )
    return shown_run(run)


@router.get("", responses=refusals())
async def list_runs(
    services: Parts, window: Paged, _who: Reader, wanted: Annotated[RunFilter, Depends(_wanted)]
) -> Page[ShownRun]:
    """Runs, the newest first."""
    async with services.storage.reading() as unit:
        rows = await unit.runs.list_page(limit=window.rows, before=place_of(window.after), wanted=wanted)
    return window.page(rows, lambda run: cursor_of(run.created_at, run.run_id), shown_run)


@router.get("/{run_id}", responses=refusals(NotFound))
async def read_run(services: Parts, run_id: RunPath, _who: Reader) -> ShownRun:
    """A run and how far it is."""
    async with services.storage.reading() as unit:
        return shown_run(await unit.runs.select(run_id))


@router.post("/{run_id}/cancel", responses=refusals(NotFound, Conflict))
async def stop_run(services: Parts, now: Now, run_id: RunPath, _who: Author) -> ShownRun:
    """Stop a run for good. What it has handed in stays; of a live run, the bank serves from here on."""
    return shown_run(await cancel_run(services.storage, run_id, now=now))


@router.get(
    "/{run_id}/events", response_class=EventStream, responses={**_EVENTS, **refusals(NotFound)}, response_model=None
)
async def watch_run(services: Parts, run_id: RunPath, who: Reader) -> EventStream:
    """How far a run is, while it goes on, as server-sent events."""
    async with services.storage.reading() as unit:
        run = await unit.runs.select(run_id)
    return event_stream(services, who, run)


@router.get("/{run_id}/model-calls", responses=refusals(NotFound))
async def list_model_calls(services: Parts, window: Paged, run_id: RunPath, _who: Reader) -> Page[ShownModelCall]:
    """What a run has asked of models, and what each attempt took, the first one first."""
    async with services.storage.reading() as unit:
        await unit.runs.select(run_id)
        rows = await unit.model_calls.of_run(run_id, after=window.after_number, limit=window.rows)
    return window.page(rows, lambda numbered: numbered[0], shown_call)
