"""All peers, the product first."""

from bench.peers.centrifugo import Centrifugo
from bench.peers.channels import Channels
from bench.peers.itemroom import Itemroom, ItemroomByEdits
from bench.peers.itemroom_pg import ItemroomOnPostgres
from bench.peers.limit import Limit
from bench.peers.nchan import Nchan
from bench.peers.node import socketio, ws
from bench.peers.peer import Peer
from bench.peers.postgres import Postgres
from bench.peers.redis import Redis
from bench.peers.transaction import Transaction
from bench.peers.tutorial import echo, tutorial


def every_peer() -> list[Peer]:
    """New ones: each remembers where it is installed."""
    ours: list[Peer] = [Itemroom(), ItemroomByEdits()]
    ours += [ItemroomOnPostgres(), ItemroomOnPostgres(Redis())]
    python: list[Peer] = [tutorial(), echo(), Channels(), Transaction()]
    others: list[Peer] = [socketio(), ws(), Nchan(), Limit()]
    centrifugo: list[Peer] = [Centrifugo(), Centrifugo(Postgres()), Centrifugo(Redis())]
    return [*ours, *python, *others, *centrifugo]
