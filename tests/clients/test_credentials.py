import asyncio
from dataclasses import replace
from datetime import datetime

from tests.clients.drivers import Client, Driver, Program, each, on_stage
from tests.clients.proxy import Fate, Piece, Proxy
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

# Seconds: all that is needed has to be there before a token ends, on a busy machine.
TTL = round(scaled(4))


def lasting(person: Person) -> str:
    """A token of the same user that does not end with the others."""
    wanted = {"name": "client", "items": {"*": "admin"}}
    return str(person.call("POST", "/tokens", json=wanted).json()["token"])


def reasons(client: Client) -> set[str]:
    """For which it has changed its state."""
    return {state["reason"] for state in client.told("state")}


async def test_a_token_is_renewed_before_it_ends(programs: list[Program], serve: Serve) -> None:
    """On the connection that there is: the source is asked when the server says that it is time."""
    server = serve(access_token_ttl=TTL, expiry_notice=TTL - 0.5)

    async def play(driver: Driver) -> None:
        ada = await asyncio.to_thread(server.person, driver.item)
        keeper = replace(ada, token=lasting(ada))
        keeper.create(driver.item)
        renewed: list[Piece] = []

        def trap(piece: Piece) -> Fate | None:
            is_answer = not piece.upward and piece.frame.get("type") == "auth"
            renewed.extend([piece] if is_answer else [])
            return None

        async with Proxy(server.url, trap) as proxy:
            client = await driver.open(proxy.url, tokens=[ada.token, keeper.token], after=0)
            await client.heard("asked", 2)
            while not renewed:
                assert await client.do("publish", "r", body="meanwhile") == 1
        (welcome,) = client.told("welcome")
        was, now = (
            datetime.fromisoformat(frame["expires_at"]) for frame in (welcome, renewed[0].frame)
        )
        assert (now - was).days > 30
        assert len(client.told("expiring")) == 1
        assert len(client.told("asked")) == 2
        assert proxy.connections == 1

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_an_expired_token_is_renewed_or_ends_it(
    programs: list[Program], serve: Serve
) -> None:
    """A source is asked for the next one; a fixed token and a ticket end with their reasons."""
    server = serve(access_token_ttl=2, expiry_notice=0)

    async def play(driver: Driver) -> None:
        ada = await asyncio.to_thread(server.person, driver.item)
        keeper = replace(ada, token=lasting(ada))
        keeper.create(driver.item)
        ticket = keeper.call("POST", f"/items/{driver.item}/tickets").json()["ticket"]
        async with Proxy(server.url) as first, Proxy(server.url) as second:
            fixed = await driver.open(server.url, token=ada.token)
            spent = await driver.open(second.url, ticket=ticket)
            tokens = [ada.token, keeper.token]
            renewed = await driver.open(first.url, tokens=tokens, after=0)
            await renewed.until(lambda: "auth_expired" in reasons(renewed))
            assert await renewed.do("publish", "r", body="after") == 1
            await renewed.seen(1)
            await spent.reach("live")
            await spent.control("reconnect")
            assert (await spent.heard("refused"))["code"] == "ticket_used"
            assert (await fixed.heard("refused"))["code"] == "auth_expired"
        assert len(renewed.told("asked")) == first.connections == second.connections == 2

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_a_second_bad_token_is_the_last(programs: list[Program], server: LiveServer) -> None:
    """The source is asked once more, and then believed."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, tokens=["bad", "worse"])
            assert (await client.heard("refused"))["code"] == "auth_invalid"
            better = await driver.open(server.url, tokens=["bad", ada.token])
            await better.reach("live")
        assert len(client.told("asked")) == proxy.connections == 2

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)
