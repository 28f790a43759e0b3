"""Itemroom: an authenticated, durable, live room for every item of a product."""

__version__ = "0.1.0"
