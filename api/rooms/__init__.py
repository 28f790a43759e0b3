"""The doors of a room: who is let in, and how others are refused."""
