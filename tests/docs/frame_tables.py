"""The tables of all frames' fields in docs/protocol.md, made from what `/asyncapi.json` says.

`python -m tests.docs.frame_tables` writes them into the page.
"""

import re
from typing import Any

from api.pages.asyncapi import describe_socket
from tests.docs.reading import ROOT

PAGE = ROOT / "docs" / "protocol.md"
Schema = dict[str, Any]
_ROLES = ["reader", "writer", "admin"]
# What JSON Schema calls otherwise than the page.
_WORDS = {"string": "text"}
_NONE = "\N{EN DASH}"


def tables() -> dict[str, list[str]]:
    """By what the first column is called: the head of a table is its place on the page."""
    document = describe_socket(server_url="http://127.0.0.1:8000")
    schemas: dict[str, Schema] = document["components"]["schemas"]
    said = {
        operation: [
            _row(f"`{message['name']}`", schemas[_referred(message["payload"])])
            for message in map(document["components"]["messages"].get, _names(document, operation))
        ]
        for operation in ("hear", "say")
    }
    referred = sorted(set(re.findall(r"schemas/(server-\w+)'", str(schemas))))
    objects = [_row(_object(name), schemas[name]) for name in referred]
    return {"client says": said["hear"], "server says": said["say"], "object": objects}


def with_tables(page: str) -> str:
    """The page with the tables as they are now."""
    for name, rows in tables().items():
        head = f"| {name} | always has | may have |\n|---|---|---|\n"
        assert page.count(head) == 1, f"there is no place for {name}"
        before, _, after = page.partition(head)
        page = before + head + "\n".join(rows) + after[after.index("\n\n") :]
    return page


def _row(name: str, schema: Schema) -> str:
    required = set(schema["required"])
    fields = {field: _type(value) for field, value in schema["properties"].items()}
    fields.pop("type", None)
    always = [f"`{field}`: {kind}" for field, kind in fields.items() if field in required]
    perhaps = [f"`{field}`: {kind}" for field, kind in fields.items() if field not in required]
    return f"| {name} | {', '.join(always) or _NONE} | {', '.join(perhaps) or _NONE} |"


def _type(schema: Schema) -> str:
    match schema:
        case {"$ref": reference}:
            return _object(_referred({"$ref": reference}))
        case {"anyOf": choices}:
            return " or ".join(map(_type, choices))
        case {"const": value}:
            return f"`{value}`".lower()
        case {"enum": values}:
            return "role" if values == _ROLES else " or ".join(f'`"{value}"`' for value in values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"format": "date-time"}:
            return "time"
        case {"type": name}:
            return _WORDS.get(name, str(name))
        case _:
            return "any JSON"


def _object(name: str) -> str:
    return f"*{name.removeprefix('server-')}*"


def _referred(holder: Schema) -> str:
    return str(holder["$ref"]).rpartition("/")[2]


def _names(document: Schema, operation: str) -> list[str]:
    """Of one item's room, then those that only a socket for many items has."""
    operations = document["operations"]
    said = [*operations[operation]["messages"], *operations[f"{operation}OfMany"]["messages"]]
    names = dict.fromkeys(map(_referred, said))
    return [name for name in names if not name.startswith("of-item-")]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
