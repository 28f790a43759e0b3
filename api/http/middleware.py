"""The one order in which requests and sockets pass what stands before the routes."""

from fastapi import FastAPI

from ..settings import Settings
from .answers import Answers
from .body import LARGER, SLACK_BYTES, BodyCap
from .cors import Cors
from .handshakes import Admission
from .hosts import HostCheck
from .proxies import Clients
from .traced import Traced


def install(app: FastAPI, settings: Settings) -> None:
    """Put the layers around the routes."""
    # Each goes around those before it, so this reads from the inside out.
    app.add_middleware(BodyCap, max_bytes=settings.max_frame_bytes + SLACK_BYTES, larger=LARGER)
    app.add_middleware(Admission)
    # Outside of what refuses, so that pages of other origins may read why.
    app.add_middleware(Cors, settings=settings)
    app.add_middleware(HostCheck, settings=settings)
    app.add_middleware(Answers, settings=settings)
    # Outermost: all that asks who the client is comes after it.
    app.add_middleware(Clients, settings=settings)
    if settings.traces != "off":
        # Around all, so that its time is the whole one.
        app.add_middleware(Traced, server=app)
