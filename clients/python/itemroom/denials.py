"""Why a handshake was denied, when its own end does not say."""

import re

from itemroom.core import verdicts
from itemroom.core.errors import Refused
from itemroom.credentials import Shown

# Seconds.
ASK_TIMEOUT = 10.0


async def ask_for_denial(room_url: str, shown: Shown) -> Refused | None:
    """What REST says to the same credential; None: nothing that explains it.

    The answer to asking for a ticket has the code (docs/protocol.md, "Reconnecting", 6).
    """
    if shown.query:
        return None  # A ticket is good for sockets alone.
    import httpx2  # noqa: PLC0415 - whoever is let in does without, and starts sooner.

    url = re.sub(r"^ws(.*)/ws$", r"http\1/tickets", room_url)
    try:
        async with httpx2.AsyncClient(timeout=ASK_TIMEOUT) as client:
            headers = [
                (name.encode(), value.encode("latin-1")) for name, value in shown.headers.items()
            ]
            answer = await client.post(url, headers=headers)
    except httpx2.TransportError:
        return None
    if answer.is_success:
        return None
    return verdicts.denied(answer.status_code, answer.headers, answer.content)
