"""Calls to programs of the product's: bounded, signed, only where they may go; of no item."""
