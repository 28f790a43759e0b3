"""How a type checker sees the package: each line that names an error must have it, and no other."""

from typing import assert_never

from itemroom import (
    Client,
    Deletion,
    Edit,
    Entry,
    Finish,
    ItemChange,
    MemberChange,
    Message,
    Reaction,
    Room,
    Stop,
    Stream,
)


def by_type(entry: Entry) -> str:
    """The types are literals: a comparison narrows."""
    if entry.type == "reaction":
        return entry.value + str(entry.target + 1)
    if entry.type == "member":
        return entry.user["name"]
    entry.value + "x"  # error: operator
    entry.target + 1  # error: operator
    if entry.type == "weather":  # error: comparison-overlap
        return ""
    return entry.by["name"]


def by_class(entry: Entry) -> str:
    """And so do classes; none is forgotten."""
    match entry:
        case Message(body=body, edited_seq=edited):
            return f"{body} {edited}"
        case Edit(target=target) | Deletion(target=target):
            return str(target + 1)
        case Reaction(value=value, on=on):
            return value if on else ""
        case MemberChange(user=user, role=role):
            return f"{user['name']} {role or 'removed'}"
        case ItemChange(title=title):
            return title or ""
        case Stop(target=target):
            return str(target + 1)
        case Finish(target=target, state=state):
            return state + str(target + 1)
    assert_never(entry)


def forgetful(entry: Entry) -> str:
    """What is forgotten is found."""
    if isinstance(entry, Message):
        return str(entry.body)
    assert_never(entry)  # error: arg-type


async def listen(url: str) -> None:
    """What a callback gets follows from what it listens to."""

    async def tickets() -> str:
        return "token"

    async with Room(url, item="order-17", get_token=tickets) as room:
        room.on("entry", lambda entry: entry.by["name"])
        room.on("signal", lambda signal: signal["name"] + "x")
        room.on("gap", lambda gap: gap.after + gap.oldest)
        room.on("expiring", lambda expiring: expiring["in"] + 1)
        room.on("signal", lambda signal: signal["nam"])  # error: call-overload
        room.on("weather", print)  # error: call-overload
        room.you["role"] == "owner"  # error: comparison-overlap
        room.limits["frame_bytes"] + 1
        seq: int = await room.publish({"text": "hi"})
        await room.delete(str(seq))  # error: arg-type


async def stream(room: Room) -> None:
    """A message that grows, and one that is read while it does."""
    async with room.stream({"text": ""}) as growing:
        wanted: Stream = growing
        await wanted.append("token")
        await growing.append(b"token")  # error: arg-type
        await growing.finish("over")  # error: arg-type
    async for text in room.text(growing.seq):
        text + "x"
    await room.relay(["token"])  # error: arg-type
    room.on("append", lambda append: append["at"] + append["target"])
    room.on("open", lambda open_: open_["target"])  # error: call-overload


async def both() -> dict[str, str]:
    """Neither a token nor a ticket."""
    return {"token": "t", "ticket": "t"}


Room("http://h", item="i", get_token=both)  # error: arg-type


def ask(client: Client) -> None:
    """What the server answers has its fields."""
    for item in client.items():
        item["unread"] + item["head"]
        item["titel"]  # error: typeddict-item
    page = client.messages("order-17")
    page["messages"][0]["reactions"]["+1"][0] + "x"
    page["mesages"]  # error: typeddict-item
    client.publish("order-17", "hi")["seq"] + 1
    client.set_member("order-17", "ada", "owner")  # error: arg-type
    client.batch([{"do": "publish", "item": "order-17", "as": "ext:42", "body": 1}])[0]["status"]
    client.batch([{"do": "delete", "item": "order-17", "target": "1"}])  # error: typeddict-item
    client.publish("order-17", "hi", as_=42)  # error: arg-type
    client.append("order-17", client.start("order-17", "")["seq"], 0, "x")["length"] + 1
    client.finish("order-17", 1, "over")  # error: arg-type
    client.relay("order-17", iter(["a", "b"]))["seq"] + 1
    client.message("order-17", 1)["length"] + 1
    for entry in client.log("order-17"):
        by_class(entry)
