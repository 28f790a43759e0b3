"""The live side of an item: connections, frames, presence."""
