"""The pages for people: the console, the operators' page, and the client for browsers."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).resolve().parent.parent / "web"
# Scripts and styles come as files of ours or not at all, and a script cannot make markup out of a
# string: what a message says stays text, whatever a mistake in the pages would do with it.
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# A browser keeps the files, and asks each time whether they have changed.
_HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": CONSOLE_POLICY}

router = APIRouter(include_in_schema=False)
_client = StaticFiles(directory=WEB)
_pages = StaticFiles(directory=WEB / "console")


@router.get("/")
async def console(request: Request) -> Response:
    """Items and their rooms, for whoever uses them."""
    return await _file(request, _pages, "index.html")


@router.get("/status")
async def status(request: Request) -> Response:
    """What the server does now, for whoever runs it."""
    return await _file(request, _pages, "status.html")


@router.get("/console/{path:path}")
async def console_file(request: Request, path: str) -> Response:
    """A file of the pages."""
    return await _file(request, _pages, path)


@router.get("/itemroom.js")
@router.get("/itemroom-room.js")
async def client(request: Request) -> Response:
    """The JavaScript client and its element: for pages of any origin, with their credentials."""
    response = await _file(request, _client, request.url.path.rpartition("/")[2])
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


async def _file(request: Request, files: StaticFiles, path: str) -> Response:
    response = await files.get_response(path, request.scope)
    response.headers.update(_HEADERS)
    return response
