"""The pages about the API itself, served from this process: nothing comes from a CDN."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from ..http.origin import own_origin
from ..http.problems import MEDIA_TYPE
from ..items.batch_schemas import batch_definitions
from ..settings import Settings
from ..state import Running
from .asyncapi import describe_socket
from .prose import protocol_page

DOCS = Path(__file__).resolve().parent.parent / "web" / "docs"
_NOWHERE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Nothing but our files; the pictures in Swagger UI's style sheet are data: URLs.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    f"img-src 'self' data:; connect-src 'self'; {_NOWHERE}"
)
PROSE_POLICY = f"default-src 'none'; style-src 'self'; {_NOWHERE}"
# A browser keeps the files, and asks each time whether they have changed.
_REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)
# Swagger UI's files come with fastapi_offline, whose code is never imported.
_assets = StaticFiles(directory=DOCS, packages=[("fastapi_offline", "static")])


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457); branch on `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retry_after: float | None = None
    length: int | None = None
    errors: list[dict[str, Any]] | None = None


_PROBLEM = {"$ref": "#/components/schemas/Problem"}
# For FastAPI's `responses`: what any call may answer.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A refusal", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
}


@router.get("/docs")
async def docs() -> Response:
    """The REST API, to read and to try."""
    headers = {"Content-Security-Policy": DOCS_POLICY, **_REVALIDATE}
    return FileResponse(DOCS / "index.html", headers=headers)


@router.get("/docs/static/{name}")
async def docs_file(request: Request, name: str) -> Response:
    """A file of the pages."""
    response = await _assets.get_response(name, request.scope)
    response.headers.update(_REVALIDATE)
    return response


@router.get("/openapi.json")
async def openapi(request: Request, state: Running) -> Response:
    """The REST API for programs."""
    app: FastAPI = request.app
    document = describe_rest(app, state.settings)
    return JSONResponse(document | {"servers": [{"url": request.scope["root_path"] or "/"}]})


def describe_rest(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document, with what follows from the settings."""
    document = app.openapi()
    schemas = document["components"]["schemas"]
    schemas.setdefault("Problem", ProblemDocument.model_json_schema())
    for name, definition in batch_definitions().items():
        schemas.setdefault(name, definition)
    lengths = {"minLength": settings.password_min_length, "maxLength": settings.password_max_length}
    schemas["Registration"]["properties"]["password"].update(lengths)
    schemas["PasswordChange"]["properties"]["new_password"].update(lengths)
    lifetime = schemas["NewToken"]["properties"]["expires_in"]["anyOf"][0]
    lifetime["maximum"] = settings.api_token_max_ttl
    return document


@router.get("/asyncapi.json")
async def asyncapi(request: Request, state: Running) -> Response:
    """The socket for programs."""
    origin = own_origin(request.scope, state.settings)
    server_url = f"{origin}{request.scope['root_path']}"
    return JSONResponse(describe_socket(server_url=server_url))


@router.get("/protocol")
async def protocol() -> Response:
    """The socket and the promises, in prose."""
    headers = {"Content-Security-Policy": PROSE_POLICY, **_REVALIDATE}
    return HTMLResponse(protocol_page(), headers=headers)
