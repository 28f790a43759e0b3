"""Whatever happens in whichever order, a client that watches knows how its items stand."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from api.live import inboxes
from api.rights.access import Role
from tests.databases import provided
from tests.inbox.scenes import Client, Scene, tried
from tests.live.world import until

ITEMS = st.sampled_from(["one", "two", "three"])
NAMES = st.sampled_from(["bob", "eve"])
ROLES = st.sampled_from([None, Role.READER, Role.WRITER])
MENTIONED = st.lists(st.sampled_from(["bob", "eve", "nobody"]), max_size=2)
SEQ = st.integers(1, 8)

ACTS = st.one_of(
    st.tuples(st.just("say"), ITEMS, MENTIONED),
    st.tuples(st.just("change"), ITEMS, SEQ, MENTIONED),
    st.tuples(st.just("drop"), ITEMS, SEQ),
    st.tuples(st.just("read"), ITEMS, SEQ),
    st.tuples(st.just("role"), ITEMS, ROLES),
    st.tuples(st.just("patch"), ITEMS, st.sampled_from([None, "reader"])),
    st.tuples(st.just("end"), ITEMS),
    st.tuples(st.just("leave")),
    st.tuples(st.just("rest")),
    st.tuples(st.just("come")),
    st.tuples(st.just("slow"), st.sampled_from(["slow", "quick"])),
    st.tuples(st.just("together"), ITEMS, MENTIONED),
)


# A failure takes as long as it is waited for what does not come: it is not made smaller.
@settings(max_examples=20, phases=[Phase.generate])
@given(acts=st.lists(ACTS, min_size=5, max_size=30))
def test_client_knows_how_its_items_stand(acts: list[Any]) -> None:
    """By what it was shown, over connections that come and go at any moment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("INTERVAL", "GATHERING"):
            patch.setattr(inboxes, name, 0.001)
        # What is just not missed by the margin would hide what is missed.
        patch.setattr(inboxes, "MARGIN_MS", 1)
        asyncio.run(play(acts))


async def play(acts: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        async with Scene(provided(Path(folder))) as scene:
            for name in ("ada", "bob", "eve"):
                scene.people[name] = await scene.user(name)
            for item in ("one", "two", "three"):
                await scene.create(item)
                await scene.set_role(item, "bob", Role.READER)
            await Play(scene).all(acts)


class Play:
    """Bob, who watches, and what the others do meanwhile."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.bob = Client(scene.people["bob"])
        self.bob.since = 0
        self.is_here = False

    async def all(self, acts: list[Any]) -> None:
        await self.come()
        for act, *how in acts:
            await getattr(self, act)(*how)
        self.bob.is_slow = False
        await self.come()
        await self.is_known()
        await self.leave()
        await self.come()
        await self.is_known()

    async def is_known(self) -> None:
        truth = await self.scene.truth(self.bob.principal)
        await until(lambda: self.bob.items == truth)

    async def say(self, item: str, names: list[str]) -> None:
        await tried(self.scene.say(item, "ada", *names))

    async def change(self, item: str, seq: int, names: list[str]) -> None:
        await tried(self.scene.change(item, seq, *names))

    async def drop(self, item: str, seq: int) -> None:
        await tried(self.scene.drop(item, seq))

    async def read(self, item: str, seq: int) -> None:
        await tried(self.scene.read(item, "bob", seq))

    async def role(self, item: str, role: Role | None) -> None:
        await tried(self.scene.set_role(item, "bob", role))

    async def patch(self, item: str, role: str | None) -> None:
        await tried(self.scene.patch(item, default_role=role, title=str(role)))

    async def end(self, item: str) -> None:
        await tried(self.scene.end(item))

    async def together(self, item: str, names: list[str]) -> None:
        """While a look is under way."""
        said = [self.scene.say(item, "ada", *names), self.scene.say(item, "ada")]
        await asyncio.gather(*map(tried, said))

    async def slow(self, how: str) -> None:
        self.bob.is_slow = how == "slow"

    async def rest(self) -> None:
        await asyncio.sleep(0.003)

    async def leave(self) -> None:
        self.is_here = False
        self.scene.inboxes.unwatch(self.bob)

    async def come(self) -> None:
        if not self.is_here:
            self.is_here = True
            self.scene.inboxes.watch(self.bob, self.bob.since)
