"""The live side: rooms, who is in them, and what they are told. Knows no transport."""
