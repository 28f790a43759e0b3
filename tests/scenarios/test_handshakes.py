"""Who is not let in, seen by three clients: each refusal has one row, and all see the same."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.conftest import Serve, make_settings
from tests.scenarios.clients import CLIENTS, Attempt
from tests.scenarios.frames import dial, handshake
from tests.scenarios.handshakes import CLOSED, DENIED, Case, Scene, by_cookie
from tests.scenarios.server_side import held
from tests.serving import PASSWORD, LiveServer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
each_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    settings = make_settings(
        tmp_path_factory.mktemp("scene"),
        handshake_rate=0,
        connections_per_user=3,
        internal_hosts="itemroom",
    )
    with LiveServer(settings) as server:
        yield Scene(server)


@each_client
@pytest.mark.parametrize("case", CLOSED, ids=lambda case: case.name)
async def test_what_a_client_can_act_on_is_accepted_and_closed(
    scene: Scene, client: str, case: Case
) -> None:
    """The close code, its reason, and one frame before it that says when to come back."""
    outcome = await CLIENTS[client](case.show(scene))
    assert (outcome.status, outcome.code, outcome.reason) == (101, case.close_code, case.code)
    [closing] = outcome.frames
    assert closing.pop("message", "") is not None
    assert closing == {
        "type": "closing",
        "code": case.close_code,
        "reason": case.code,
        "retry": case.retry,
    }


@each_client
@pytest.mark.parametrize("case", DENIED, ids=lambda case: case.name)
async def test_what_no_client_can_act_on_is_denied_with_a_problem(
    scene: Scene, client: str, case: Case
) -> None:
    """An HTTP answer in the place of the 101, with the same document as REST."""
    outcome = await CLIENTS[client](case.show(scene))
    assert (outcome.status, outcome.problem["code"]) == (case.status, case.code)
    assert outcome.problem["status"] == case.status


@each_client
async def test_a_ticket_that_was_used_is_refused(scene: Scene, client: str) -> None:
    """The second use, even after the first socket has gone."""
    ticket = scene.ticket()
    with dial(scene.server.url, handshake(f"/items/room/ws?ticket={ticket}")) as raw:
        assert raw.stream.answer().status == 101
        raw.stream.frame()
    outcome = await CLIENTS[client](scene.knock(query=f"ticket={ticket}"))
    assert (outcome.code, outcome.reason) == (1008, "ticket_used")
    assert outcome.frames[-1]["retry"] == "after_auth"


@each_client
async def test_one_user_with_too_many_connections_is_denied(scene: Scene, client: str) -> None:
    """Those who are in stay in."""
    async with AsyncExitStack() as stack:
        rooms = [await stack.enter_async_context(scene.ada.room("room")) for _ in range(3)]
        outcome = await CLIENTS[client](scene.knock(query=f"token={scene.ada.token}"))
        assert (outcome.status, outcome.problem["code"]) == (429, "too_many_connections")
        assert outcome.retry_after == "10"
        for room in rooms:
            await room.send("ping")
            await room.get("pong")


@each_client
async def test_a_token_opens_a_socket_under_a_name_for_programs(scene: Scene, client: str) -> None:
    """From another container, say; no session begins there, for whoever serves pages there."""
    url = scene.knock(query=f"token={scene.eve.token}").url
    assert (await CLIENTS[client](Attempt(url, host="itemroom"))).reason == "item_not_found"
    login = {"username": "ada", "password": PASSWORD}
    headers = {"Host": "itemroom:8000", "Sec-Fetch-Site": "same-origin"}
    answer = httpx2.post(f"{scene.server.url}/auth/login", json=login, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_denied")
    assert "set-cookie" not in answer.headers


async def test_an_explicit_token_wins_over_a_cookie(scene: Scene) -> None:
    """The cookie is Ada's, the token Eve's, who may not be here."""
    attempt = by_cookie(
        scene.cookie(scene.ada), scene.origin, scene, query=f"token={scene.eve.token}"
    )
    outcome = await CLIENTS["websockets"](attempt)
    assert outcome.reason == "item_not_found"


def test_a_foreign_item_and_a_missing_one_answer_alike(scene: Scene) -> None:
    """Byte for byte, over the socket and over REST, or else ids could be found by trying."""
    target = f"ws?token={scene.eve.token}"
    answers = [look(scene, f"/items/{item_id}/{target}") for item_id in ("room", "gone", "no-such")]
    assert answers[0] == answers[1] == answers[2]
    pages = [scene.eve.call("GET", f"/items/{item_id}") for item_id in ("room", "gone", "no-such")]
    assert pages[0].status_code == 404
    assert pages[0].content == pages[1].content == pages[2].content


def look(scene: Scene, target: str) -> tuple[int, list[str], list[tuple[int, bytes]]]:
    with dial(scene.server.url, handshake(target)) as raw:
        answer = raw.stream.answer()
        return answer.status, sorted(answer.headers), raw.stream.frames()


async def test_handshakes_beyond_the_rate_are_denied(serve: Serve) -> None:
    """All three clients, once the burst of their address is used up."""
    server = serve(handshake_rate=0.01, handshake_burst=2)
    attempt = Attempt(f"{server.ws_url}/items/room/ws")
    for _ in range(2):
        assert (await CLIENTS["websockets"](attempt)).reason == "auth_missing"
    for knock in CLIENTS.values():
        outcome = await knock(attempt)
        assert (outcome.status, outcome.problem["code"]) == (429, "rate_limited")
        assert int(outcome.retry_after or 0) > 1


async def test_handshakes_that_prove_who_they_are_do_not_count(serve: Serve) -> None:
    """An office behind one address comes back after a restart: everybody is let in."""
    server = serve(handshake_rate=0.01, handshake_burst=2)
    ada = server.person("ada")
    ada.create("room")
    for _ in range(4):
        async with ada.room("room"):
            pass


STRANGERS: list[tuple[str, Callable[[Scene], Attempt]]] = [
    ("token", lambda scene: scene.knock(query="token=a.b.c")),
    ("unsigned", lambda scene: scene.knock(query=f"token={scene.ada.token[:-4]}AAAA")),
    ("cookie", lambda scene: by_cookie("itemroom_session=unknown", scene.origin, scene)),
    ("ticket", lambda scene: scene.knock(query="ticket=x")),
    ("none", lambda scene: scene.knock()),
    ("path", lambda scene: Attempt(f"{scene.server.ws_url}/nope")),
    ("query", lambda scene: scene.knock(query="after=x")),
]
FRIENDS: list[tuple[str, Callable[[Scene], Attempt]]] = [
    ("token", lambda scene: scene.knock(Authorization=f"Bearer {scene.ada.token}")),
    ("api token", lambda scene: scene.knock(query=f"token={scene.api_token()}")),
    ("cookie", lambda scene: by_cookie(scene.cookie(scene.ada), scene.origin, scene)),
    ("ticket", lambda scene: scene.knock(query=f"ticket={scene.ticket()}")),
]


async def test_strangers_at_an_address_are_slowed_and_friends_let_in(serve: Serve) -> None:
    """Behind one address is a whole office, or a proxy that nobody has listed."""
    scene = Scene(serve(handshake_rate=0.01, handshake_burst=2))
    for knock in (STRANGERS[0][1], STRANGERS[2][1]):
        assert (await CLIENTS["websockets"](knock(scene))).reason == "auth_invalid"
    for name, knock in STRANGERS * 2:
        outcome = await CLIENTS["websockets"](knock(scene))
        assert (name, outcome.status, outcome.problem["code"]) == (name, 429, "rate_limited")
    for _, show in FRIENDS:
        attempt = show(scene)
        async with connect(attempt.url, proxy=None, additional_headers=attempt.headers) as socket:
            assert json.loads(await socket.recv())["type"] == "welcome"
    for query, code in [
        (f"token={scene.eve.token}", "item_not_found"),
        (f"token={scene.expired_token()}", "auth_expired"),
        (f"token={scene.api_token(revoked=True)}", "auth_revoked"),
    ]:
        outcome = await CLIENTS["websockets"](scene.knock(query=query))
        assert outcome.reason == code, "who was known is told why"


async def test_a_server_about_to_stop_denies_new_sockets(serve: Serve) -> None:
    """A write that takes long holds the server open long enough to look."""
    server = serve(connections_per_user=0)
    ada = server.person("ada")
    ada.create("room")
    target = f"/items/room/ws?token={ada.token}"
    with held(server), dial(server.url, handshake(target)) as raw:
        assert raw.stream.answer().status == 101
        server.server.should_exit = True
        await until_draining(server)
        for client, knock in CLIENTS.items():
            outcome = await knock(Attempt(server.ws_url + target))
            assert (client, outcome.status, outcome.problem["code"]) == (client, 503, "draining")
            assert int(outcome.retry_after or 0) >= 1


async def until_draining(server: LiveServer) -> None:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        for _ in range(200):
            if (await client.get("/readyz")).status_code == 503:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("the server does not drain")
