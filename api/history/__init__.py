"""The log of an item: what is stored, in which order, and how it is read back."""
