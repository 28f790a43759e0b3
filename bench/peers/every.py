"""All peers, the product first."""

from bench.peers.channels import Channels
from bench.peers.itemroom import Itemroom
from bench.peers.limit import Limit
from bench.peers.nchan import Nchan
from bench.peers.node import socketio, ws
from bench.peers.peer import Peer
from bench.peers.tutorial import echo, tutorial


def every_peer() -> list[Peer]:
    """New ones: each remembers where it is installed."""
    return [Itemroom(), tutorial(), echo(), socketio(), ws(), Channels(), Nchan(), Limit()]
