"""What another server of the same database has stored is told, too."""

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from api.accounts.identity import identify_token
from api.live.inboxes import Inboxes, Moved
from api.nodes.looks import Looks
from api.settings import Settings
from api.state import State
from api.store.readers import Readers
from tests.databases import SECRET
from tests.deadlines import scaled
from tests.inbox.conftest import Cast, FakeWatcher
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio
DOC = "/items/doc/messages"


@pytest.fixture
def settings(cluster: Cluster) -> Settings:
    """Of a database that several servers may share."""
    return Settings(database_url=cluster.database(), secret=SecretStr(SECRET), port=0)


class Counted(Looks):
    """Says how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def look(self, readers: Readers, users: Sequence[int]) -> Moved:
        moved = await super().look(readers, users)
        self.count += 1
        return moved

    async def again(self) -> None:
        """Wait until all has been looked at, and what was found before is told."""
        wanted = self.count + 3
        async with asyncio.timeout(scaled(20)):
            while self.count < wanted:
                await asyncio.sleep(0.01)


async def test_changes_of_others_are_found_by_looking(state: State, cast: Cast) -> None:
    """A message, a marker, a removal; each once, and nothing while nobody watches."""
    looks = Counted()
    inboxes = Inboxes(state.readers, looks)  # Hears of no commit.
    inboxes.start()
    await asyncio.sleep(0.1)
    assert looks._heads == {}
    eve = FakeWatcher(await identify_token(state, cast.reader.token))
    inboxes.watch(eve, None)
    seq = (await cast.writer.do("POST", DOC, json={"body": "hi"}))["seq"]
    await eve.hears("doc", unread=1)
    await cast.reader.do("PUT", "/items/doc/read", json={"seq": seq})
    await eve.hears("doc", unread=0)
    await looks.again()  # The message and the marker may have been found by two looks.
    told = len(eve.told)
    await looks.again()
    assert len(eve.told) == told
    await cast.admin.do("DELETE", "/items/doc/members/eve")
    await eve.hears("doc", role=None)
    await cast.admin.do("PUT", "/items/doc/members/eve", json={"role": "reader"})
    await eve.hears("doc", role="reader")
    await inboxes.stop()
