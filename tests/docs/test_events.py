"""What the protocol shows of rooms without a WebSocket, with curl and in a browser."""

import pytest

from tests.browser import Windows
from tests.conftest import Serve
from tests.docs.reading import PROTOCOL, blocks
from tests.docs.test_examples import read_until, running
from tests.serving import PASSWORD, LiveServer, Person

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["events", "poll"])
def test_the_protocols_curl_hears_what_is_said(server: LiveServer, name: str) -> None:
    """Without waiting for more than there is: `-N`, and an answer that comes in time."""
    ada = server.person("ada")
    ada.create("order-17")
    for number in range(7):
        ada.publish("order-17", number)
    (shell,) = blocks(PROTOCOL, "sh", name)
    shell = shell.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}").replace("curl", "curl -s")
    with running("bash", "-euc", f"token={ada.token}\n{shell}\necho") as curl:
        if name == "events":
            assert read_until(curl, '"type":"live"').count("event: message") == 7
        ada.publish("order-17", "on my way")
        assert "on my way" in read_until(curl, "on my way")


async def test_the_protocols_eventsource_goes_on_after_a_restart(
    serve: Serve, windows: Windows
) -> None:
    """A browser comes back by itself, behind the last entry that it has heard."""
    server = serve(restart_spread=0)
    ada = server.person("ada")
    ada.create("order-17")
    page = await windows.open(server.url)
    login = {"username": "ada", "password": PASSWORD}
    await page.evaluate(
        "async (body) => (await fetch('/auth/login', {method: 'POST', body: JSON.stringify(body),"
        " headers: {'Content-Type': 'application/json'}})).status",
        login,
    )
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    (example,) = blocks(PROTOCOL, "js", "events")
    shown = example.replace("console.log(JSON.parse(data))", "console.log(JSON.parse(data).body)")
    await page.evaluate(f"async () => {{ {shown} }}")
    async with page.expect_console_message(lambda message: message.text == "one"):
        ada.publish("order-17", "one")
    server.stop()
    again = serve(restart_spread=0, port=server.port)
    async with page.expect_console_message(lambda message: message.text == "two"):
        Person(again, "ada", ada.id, ada.token).publish("order-17", "two")
    said = [text for text in heard if text in ("one", "two")]
    assert said == ["one", "two"]
