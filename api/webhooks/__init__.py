"""Webhooks: programs of the product's that are told what is stored, each a cursor for each item."""
