"""The AsyncAPI 3.0 document of the sockets, made from the models of their frames."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict

from ..errors import CODES
from ..live.client_frames import AnyClientFrame, RoomFrame, SocketFrame
from ..live.codecs import CODECS, SHARED_CODECS
from ..live.entry_frames import EntryFrame
from ..live.frames import Auth, Closing, Expiring, ServerFrame, Welcome
from ..live.shared_frames import SharedFrame
from ..version import __version__

Document = dict[str, Any]
Models = Iterable[type[Any]]

CLIENT_FRAMES: tuple[type[Any], ...] = get_args(AnyClientFrame)
_WELCOME, *_LATER = get_args(ServerFrame)
# In the order in which a client first hears them.
SERVER_FRAMES: tuple[type[Any], ...] = (_WELCOME, *get_args(EntryFrame), *_LATER)
ADDRESS = "/items/{item_id}/ws"

# On a socket for many items: frames of its own, and those of rooms, which say of which they are.
SHARED_ADDRESS = "/ws"
_HELLO, *_OF_ITEMS = get_args(SharedFrame)
_OF_SOCKET = (Auth, Expiring, Closing)
SHARED_CLIENT_FRAMES: tuple[type[Any], ...] = get_args(SocketFrame)
SHARED_SERVER_FRAMES: tuple[type[Any], ...] = (_HELLO, Welcome, *_OF_ITEMS, *_OF_SOCKET)
NAMED_CLIENT_FRAMES: tuple[type[Any], ...] = get_args(RoomFrame)
NAMED_SERVER_FRAMES = tuple(one for one in SERVER_FRAMES if one not in (Welcome, *_OF_SOCKET))
_ITEM = TypeAdapter(str).json_schema() | {"description": "The id of the item that it is about."}


class SocketQuery(TypedDict, total=False):
    """What the address of a socket may have as its query."""

    token: Annotated[str, Field(description="An access token or API token.")]
    ticket: Annotated[str, Field(description="A ticket, instead of a token.")]
    after: Annotated[int, Field(description="Replay every entry with a greater seq, then go live.")]
    epoch: Annotated[str, Field(description="The epoch that `after` belongs to.")]
    tail: Annotated[int, Field(description="Without `after`: begin with the newest n entries.")]


_INTRODUCTION = (
    "Every item has a room. Connect to its address, get `welcome`, then the replayed entries in "
    "the order of their seq, then `live`, then each new entry. Or connect to the one address for "
    "all items, and join those that you want. /protocol has all of it in prose."
)


class SharedSocketQuery(TypedDict, total=False):
    """What the address of a socket for many items may have as its query."""

    token: Annotated[str, Field(description="An access token or API token.")]


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
        "channels": {"room": _room_channel(), "rooms": _rooms_channel()},
        "operations": {
            "hear": _operation("receive", "room", _HEARD, "What a client may say."),
            "say": _operation("send", "room", _SAID, "What the server says."),
            "hearOfMany": _operation("receive", "rooms", _HEARD_OF_MANY, "Likewise, of any item."),
            "sayOfMany": _operation("send", "rooms", _SAID_OF_MANY, "Likewise, of any item."),
        },
        "components": {"messages": _all_messages(), "schemas": _all_schemas()},
    }


def _room_channel() -> Document:
    return {
        "address": ADDRESS,
        "title": "An item's room",
        "description": f"Subprotocols: {', '.join(CODECS)}.",
        "parameters": {"item_id": {"description": "The item's id, exactly."}},
        "messages": _referred([*_HEARD, *_SAID]),
        "bindings": _bindings(SocketQuery),
        "x-refusals": {
            code: {
                "close_code": verdict.close_code,
                "retry": verdict.retry,
                "text": verdict.message,
            }
            for code, verdict in CODES.items()
        },
    }


def _rooms_channel() -> Document:
    return {
        "address": SHARED_ADDRESS,
        "title": "The rooms of many items",
        "description": f"Subprotocols: {', '.join(SHARED_CODECS)}.",
        "messages": _referred([*_HEARD_OF_MANY, *_SAID_OF_MANY]),
        "bindings": _bindings(SharedSocketQuery),
    }


def _bindings(query: type[Any]) -> Document:
    schema = TypeAdapter(query).json_schema()
    return {"ws": {"bindingVersion": "0.1.0", "method": "GET", "query": schema}}


def _referred(names: Sequence[str]) -> Document:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _operation(action: str, channel: str, names: Sequence[str], summary: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }


def _all_messages() -> Document:
    messages: Document = {}
    for side, own, named in _SIDES:
        messages |= _messages(own, side)
        for name, message in _messages(named, side).items():
            payload = {"$ref": _of_item(message["payload"]["$ref"])}
            messages[f"of-item-{name}"] = {**message, "payload": payload}
    return messages


def _all_schemas() -> Document:
    schemas: Document = {}
    for side, own, named in _SIDES:
        schemas |= _schemas(own, side)
        for model in named:
            name = f"{side}-{model.__name__}"
            schemas[f"of-item-{name}"] = _with_item(schemas[name])
    return schemas


def _with_item(schema: Document) -> Document:
    properties = {"item": _ITEM} | schema["properties"]
    return {**schema, "properties": properties, "required": ["item", *schema["required"]]}


def _of_item(reference: str) -> str:
    return reference.replace("/schemas/", "/schemas/of-item-")


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


_HEARD = _message_names(CLIENT_FRAMES, "client")
_SAID = _message_names(SERVER_FRAMES, "server")
_HEARD_OF_MANY = [
    *_message_names(SHARED_CLIENT_FRAMES, "client"),
    *(f"of-item-{name}" for name in _message_names(NAMED_CLIENT_FRAMES, "client")),
]
_SAID_OF_MANY = [
    *_message_names(SHARED_SERVER_FRAMES, "server"),
    *(f"of-item-{name}" for name in _message_names(NAMED_SERVER_FRAMES, "server")),
]
# Whose frames, all of them by themselves, and those that name an item.
_SIDES = (
    ("client", tuple(dict.fromkeys(CLIENT_FRAMES + SHARED_CLIENT_FRAMES)), NAMED_CLIENT_FRAMES),
    ("server", tuple(dict.fromkeys(SERVER_FRAMES + SHARED_SERVER_FRAMES)), NAMED_SERVER_FRAMES),
)
