"""What servers of one database tell each other, and how each finds out what it was not told."""
