"""Talks to Itemroom: live, durable rooms that survive lost connections."""

from itemroom.core.entries import Entry, Gap, User
from itemroom.core.errors import Refused
from itemroom.core.presence import Presence
from itemroom.keeper import Change
from itemroom.rest import Client
from itemroom.room import Room

__all__ = ["Change", "Client", "Entry", "Gap", "Presence", "Refused", "Room", "User"]
