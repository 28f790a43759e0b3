import asyncio
import re

import pytest

from tests.clients.drivers import Client, Driver, Program, Rejected, each, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Fate, Piece, Proxy
from tests.conftest import Serve
from tests.serving import LiveServer

Given = list[tuple[str, object]]


async def test_who_is_not_let_in_does_not_come_again(
    programs: list[Program], server: LiveServer
) -> None:
    """What waits, what is given later, and the loop over the entries are told why."""
    ada = server.person("ada")
    bad: dict[str, dict[str, object]] = {
        "auth_invalid": {"token": "nonsense"},
        "auth_missing": {},
        "item_not_found": {"token": ada.token, "item": "elsewhere"},
    }

    async def play(driver: Driver) -> None:
        for code, options in bad.items():
            async with Proxy(server.url) as proxy:
                client = await driver.open(proxy.url, **options)  # type: ignore[arg-type] # item
                assert (await client.heard("end"))["code"] == code
                assert (await client.heard("refused"))["code"] == code
                with pytest.raises(Rejected, match=code):
                    await client.do("publish", "late", body="still there?")
            assert client.state == "refused"
            assert proxy.connections == 1

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_who_is_removed_is_told_and_stays_away(
    programs: list[Program], server: LiveServer
) -> None:
    """The last entry is the removal itself."""
    ada, bob = server.person("ada"), server.person("bob")

    async def play(driver: Driver) -> None:
        ada.create(driver.item, bob="writer")
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, token=bob.token, after=0)
            await client.reach("live")
            ada.call("DELETE", f"/items/{driver.item}/members/bob")
            assert (await client.heard("end"))["code"] == "removed"
        assert client.told("refused")[0]["retry"] == "never"
        assert proxy.connections == 1
        assert faults(read_log(ada, driver.item), [report(client)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_a_refused_command_harms_no_other(
    programs: list[Program], server: LiveServer
) -> None:
    """Each is refused with its reason; the connection stays, and the next is stored."""
    ada, bob = server.person("ada"), server.person("bob")

    async def play(driver: Driver) -> None:
        ada.create(driver.item, bob="writer")
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, token=bob.token, after=0)
            assert await client.do("publish", "once", body="this") == 2
            ada.publish(driver.item, "hers")
            # The next answer to the same ref has to be seen.
            stored = client.answers.pop("once")
            for code, answer in [
                ("ref_conflict", client.do("publish", "once", body="that")),
                ("forbidden", client.do("edit", "edit", target=3, body="mine")),
                ("not_found", client.do("delete", "delete", target=77)),
                ("too_big", client.do("publish", "big", body="x" * 20_000)),
            ]:
                with pytest.raises(Rejected, match=code):
                    await answer
            client.answers["once"] = stored
            assert await client.do("publish", "next", body="that") == 4
            await client.seen(4)
        assert proxy.connections == 1
        given: Given = [("once", "this"), ("next", "that")]
        assert faults(read_log(ada, driver.item), [report(client, given)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_the_servers_rate_is_kept_to(programs: list[Program], serve: Serve) -> None:
    """More than may be said at once is said later, without being refused first."""
    # Slow enough for a busy machine, which delays one message or the other.
    server = serve(publish_rate=8, publish_burst=10)
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        refused: list[Piece] = []

        def trap(piece: Piece) -> None:
            refused.extend([piece] if piece.frame.get("type") == "error" else [])

        async with Proxy(server.url, trap) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0)
            given = await say_at_once(client, 20)
            await client.seen(20)
        # On the way messages may come closer to each other.
        assert len(refused) <= 2
        assert proxy.connections == 1
        assert faults(read_log(ada, driver.item), [report(client, given)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_what_comes_too_fast_is_repeated_in_order(
    programs: list[Program], serve: Serve
) -> None:
    """The client is told of no rate, so that the server has to refuse."""
    server = serve(publish_rate=2, publish_burst=10, error_rate=0)
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        refused: list[Piece] = []

        def trap(piece: Piece) -> Fate | None:
            if piece.frame.get("type") == "welcome":
                return piece.rewritten(limits=piece.frame["limits"] | {"publish_rate": 0})
            refused.extend([piece] if piece.frame.get("type") == "error" else [])
            return None

        async with Proxy(server.url, trap) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0)
            given = await say_at_once(client, 12)
            await client.seen(12)
        assert {piece.frame["code"] for piece in refused} == {"rate_limited"}
        assert len(refused) <= 6, "it did not wait"
        assert proxy.connections == 1
        assert faults(read_log(ada, driver.item), [report(client, given)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def say_at_once(client: Client, count: int) -> Given:
    """Give the client many messages, and wait until all are stored."""
    given: Given = [(f"r{number}", number) for number in range(count)]
    await asyncio.gather(*(client.do("publish", ref, body=body) for ref, body in given))
    return given


async def test_one_connection_too_many_is_tried_again(
    programs: list[Program], serve: Serve
) -> None:
    """Denied before it opens, which a browser cannot tell from a lost network."""
    server = serve(connections_per_user=1)

    def trap(piece: Piece) -> Fate:
        # The same refusal, but nobody has to wait for ten seconds.
        return Fate(re.sub(rb'(?i)(retry.after"?:) ?10', rb"\1 1", piece.raw))

    async def play(driver: Driver) -> None:
        ada = await asyncio.to_thread(server.person, f"ada-{driver.item}")
        ada.create(driver.item)
        async with Proxy(server.url, trap) as proxy:
            first = await driver.open(server.url, token=ada.token)
            await first.reach("live")
            second = await driver.open(proxy.url, token=ada.token, after=0)
            await second.reach("waiting")
            await first.control("close")
            assert await second.do("publish", "r", body="there it is") == 1
            await second.seen(1)

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)
