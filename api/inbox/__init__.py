"""What is new in a user's items, without being in the room of any."""
