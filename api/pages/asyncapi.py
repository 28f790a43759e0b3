"""The AsyncAPI 3.0 document of the room's socket, made from the models of its frames."""

from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict

from ..errors import CODES
from ..live.client_frames import AnyClientFrame
from ..live.codecs import CODECS
from ..live.entry_frames import EntryFrame
from ..live.frames import ServerFrame
from ..version import __version__

Document = dict[str, Any]
Models = Iterable[type[Any]]

CLIENT_FRAMES: tuple[type[Any], ...] = get_args(AnyClientFrame)
_WELCOME, *_LATER = get_args(ServerFrame)
# In the order in which a client first hears them.
SERVER_FRAMES: tuple[type[Any], ...] = (_WELCOME, *get_args(EntryFrame), *_LATER)
ADDRESS = "/items/{item_id}/ws"


class SocketQuery(TypedDict, total=False):
    """What the address of a socket may have as its query."""

    token: Annotated[str, Field(description="An access token or API token.")]
    ticket: Annotated[str, Field(description="A ticket, instead of a token.")]
    after: Annotated[int, Field(description="Replay every entry with a greater seq, then go live.")]
    epoch: Annotated[str, Field(description="The epoch that `after` belongs to.")]
    tail: Annotated[int, Field(description="Without `after`: begin with the newest n entries.")]


_INTRODUCTION = (
    "Every item has a room. Connect to its address, get `welcome`, then the replayed entries in "
    "the order of their seq, then `live`, then each new entry. /protocol has all of it in prose."
)


def describe_socket(*, server_url: str) -> Document:
    """The whole document.

    Args:
        server_url: where the server is, as `https://rooms.example.com`, perhaps with a path.
    """
    scheme, _, place = server_url.partition("://")
    host, slash, path = place.partition("/")
    server = {"host": host, "protocol": "wss" if scheme == "https" else "ws"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Itemroom", "version": __version__, "description": _INTRODUCTION},
        "defaultContentType": "application/json",
        "servers": {"this": server | ({"pathname": slash + path} if path else {})},
        "channels": {"room": _channel()},
        "operations": {
            "hear": _operation("receive", CLIENT_FRAMES, "client", "What a client may say."),
            "say": _operation("send", SERVER_FRAMES, "server", "What the server says."),
        },
        "components": {
            "messages": _messages(CLIENT_FRAMES, "client") | _messages(SERVER_FRAMES, "server"),
            "schemas": _schemas(CLIENT_FRAMES, "client") | _schemas(SERVER_FRAMES, "server"),
        },
    }


def _channel() -> Document:
    names = [*_message_names(CLIENT_FRAMES, "client"), *_message_names(SERVER_FRAMES, "server")]
    return {
        "address": ADDRESS,
        "title": "An item's room",
        "description": f"Subprotocols: {', '.join(CODECS)}.",
        "parameters": {"item_id": {"description": "The item's id, exactly."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "bindingVersion": "0.1.0",
                "method": "GET",
                "query": TypeAdapter(SocketQuery).json_schema(),
            }
        },
        "x-refusals": {
            code: {
                "close_code": verdict.close_code,
                "retry": verdict.retry,
                "text": verdict.message,
            }
            for code, verdict in CODES.items()
        },
    }


def _operation(action: str, models: Models, side: str, summary: str) -> Document:
    names = _message_names(models, side)
    return {
        "action": action,
        "channel": {"$ref": "#/channels/room"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/room/messages/{name}"} for name in names],
    }


def _messages(models: Models, side: str) -> Document:
    return {
        name: {
            "name": _type_of(model),
            "summary": model.__doc__,
            "payload": {"$ref": _reference(model.__name__, side)},
        }
        for model, name in zip(models, _message_names(models, side), strict=True)
    }


def _message_names(models: Models, side: str) -> list[str]:
    return [f"{side}-{_type_of(model)}" for model in models]


def _type_of(model: type[Any]) -> str:
    (name,) = get_args(get_type_hints(model)["type"])
    return str(name)


def _schemas(models: Models, side: str) -> Document:
    """The models' schemas, by names that say whose they are: both sides have a `read`."""
    mode: JsonSchemaMode = "validation"
    _, document = TypeAdapter.json_schemas(
        [(_type_of(model), mode, TypeAdapter(model)) for model in models],
        ref_template=_reference("{model}", side),
    )
    return {f"{side}-{name}": schema for name, schema in document["$defs"].items()}


def _reference(name: str, side: str) -> str:
    return f"#/components/schemas/{side}-{name}"
