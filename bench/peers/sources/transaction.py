"""Rooms as they are often written on PostgreSQL: a transaction for each message, then the room."""

import asyncio
import json
import os
import sys
from collections import defaultdict

import uvloop
from psycopg_pool import AsyncConnectionPool
from websockets.asyncio.server import ServerConnection, broadcast, serve

CONNECTIONS = 20
TABLES = (
    "CREATE TABLE item (key bigint PRIMARY KEY, head bigint NOT NULL DEFAULT 0)",
    "CREATE TABLE entry (item_key bigint, seq bigint, body text, PRIMARY KEY (item_key, seq))",
)
NEXT = "UPDATE item SET head = head + 1 WHERE key = %s RETURNING head"
STORE = "INSERT INTO entry (item_key, seq, body) VALUES (%s, %s, %s)"


class Rooms:
    """Who is in which room, and what is said there."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._members: defaultdict[int, set[ServerConnection]] = defaultdict(set)

    async def prepare(self, count: int) -> None:
        """Make the tables, and the items."""
        async with self._pool.connection() as connection:
            for statement in TABLES:
                await connection.execute(statement)
            items = "INSERT INTO item (key) SELECT generate_series(0, %s::bigint - 1)"
            await connection.execute(items, [count])

    async def serve(self, client: ServerConnection) -> None:
        """Store what somebody says, answer, tell the room; one message after the other."""
        room = int(client.request.path.rpartition("/")[2])
        members = self._members[room]
        members.add(client)
        try:
            async for text in client:
                said = json.loads(text)
                seq = await self._store(room, said["body"])
                await client.send(json.dumps({"ack": said["ref"], "seq": seq}))
                broadcast(members, json.dumps({"seq": seq, "body": said["body"]}))
        finally:
            members.discard(client)

    async def _store(self, room: int, body: str) -> int:
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(NEXT, [room])
            (seq,) = await cursor.fetchone()
            await connection.execute(STORE, [room, seq, body])
        return seq


async def main(port: int) -> None:
    """Serve until the process is ended."""
    url = os.environ["DATABASE_URL"]
    async with AsyncConnectionPool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        await pool.wait()
        rooms = Rooms(pool)
        await rooms.prepare(int(os.environ["ROOMS"]))
        async with serve(rooms.serve, "127.0.0.1", port, compression=None) as server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(int(sys.argv[1])))
