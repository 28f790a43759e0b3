"""For tests of an application that talks to Itemroom: a real server in the test's own process.

Needs the server's package, `itemroom`, installed beside this one. With pytest there is a fixture:

    def test_everybody_hears_of_the_shipping(rooms):
        ada, bob = rooms.user("ada"), rooms.user("bob")
        rooms.item("order-17", ada="admin", bob="writer")
        with ada.join("order-17") as room:
            bob.publish("order-17", "It is on its way.")
            room.expect("message", body="It is on its way.")

Nothing sleeps: what is waited for comes within a moment, or the test fails and says what came
instead.
"""

from itemroom.testing.people import Person
from itemroom.testing.rooms import Joined
from itemroom.testing.server import Rooms

__all__ = ["Joined", "Person", "Rooms"]
