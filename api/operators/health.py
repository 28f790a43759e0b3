"""For whoever runs the server: is it alive, may it get traffic, how much has it done?"""

import asyncio

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from starlette.responses import Response

from api.errors import Refusal
from api.history.transaction import Transaction
from api.models import User
from api.operators.dependencies import watcher
from api.state import Running, State

# Above this a balancer's own check would have given up.
READY_TIMEOUT = 2.0

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """How the server is."""

    status: str


@router.get("/healthz")
async def healthz() -> Health:
    """Answers as long as the server runs at all, also while it stops."""
    return Health(status="alive")


@router.get("/readyz")
async def readyz(state: Running) -> Health:
    """Whether traffic should come here: 503 while the server stops, or without its database."""
    if state.draining:
        raise Refusal("draining", retry_after=state.settings.restart_spread)
    await _ask_database(state)
    return Health(status="ready")


@router.get("/metrics", response_class=Response, dependencies=[Depends(watcher)])
async def metrics(state: Running) -> Response:
    """Counters, gauges and histograms for Prometheus. They name no user and no item.

    The operator decides whether everybody may see them, or only admins.
    """
    return Response(state.metrics.render(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _ask_database(state: State) -> None:
    """Raise Refusal unless both those who read and the one who writes answer in time."""
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await state.readers.read(_read_something)
            await state.writer.call(_write_nothing, light=True)
    except (TimeoutError, SQLAlchemyError, Refusal) as error:
        raise Refusal("database_unavailable", retry_after=1) from error


def _read_something(connection: Connection) -> None:
    connection.execute(select(col(User.key)).limit(1)).all()


def _write_nothing(_: Transaction) -> None:
    """An empty transaction: takes the write lock, and costs no sync of the disk."""
