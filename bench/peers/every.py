"""All peers, the product first."""

from bench.peers.centrifugo import Centrifugo
from bench.peers.channels import Channels
from bench.peers.itemroom import Itemroom
from bench.peers.limit import Limit
from bench.peers.nchan import Nchan
from bench.peers.node import socketio, ws
from bench.peers.peer import Peer
from bench.peers.postgres import Postgres
from bench.peers.tutorial import echo, tutorial


def every_peer() -> list[Peer]:
    """New ones: each remembers where it is installed."""
    python: list[Peer] = [Itemroom(), tutorial(), echo(), Channels()]
    others: list[Peer] = [socketio(), ws(), Nchan(), Limit()]
    return [*python, *others, Centrifugo(), Centrifugo(Postgres())]
