"""Invites: links that make whoever shows them members of an item."""
