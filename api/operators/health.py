"""For whoever runs the server: is it alive, may it get traffic, how much has it done?"""

import asyncio
from typing import Literal

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from starlette.responses import Response

from ..errors import Refusal
from ..history.entries import rfc3339
from ..history.transaction import Transaction
from ..models import User
from ..nodes.roster import Seen
from ..state import Running, State
from .dependencies import admin, watcher

# Above this a balancer's own check would have given up.
READY_TIMEOUT = 2.0

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """How the server is."""

    status: str


class ServerView(BaseModel):
    """A server that shares the database, as it last said."""

    name: str
    version: str
    started_at: str
    state: Literal["serving", "draining", "dead"]
    silent: int
    """Seconds since it was last heard of."""
    is_this: bool
    """Whether it gives this answer."""


class Servers(BaseModel):
    """All of them; none: the database is a file, and has one server."""

    servers: list[ServerView]


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


@router.get("/status/servers", dependencies=[Depends(admin)])
async def servers(state: Running) -> Servers:
    """All servers that share the database, the longest running first; for admins."""
    nodes = () if state.nodes is None else state.nodes.registry.nodes
    return Servers(servers=[_show(node, is_this=node.boot == state.boot) for node in nodes])


def _show(node: Seen, *, is_this: bool) -> ServerView:
    return ServerView(
        name=node.name,
        version=node.version,
        started_at=rfc3339(node.started_at),
        state="dead" if not node.is_alive else "draining" if node.draining else "serving",
        silent=node.silence // 1000,
        is_this=is_this,
    )


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
