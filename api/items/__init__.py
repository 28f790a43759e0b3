"""REST of an item: itself, its members, its history, tickets for its room."""
