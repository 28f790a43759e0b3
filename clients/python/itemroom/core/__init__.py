"""What a client knows and decides, without any input or output."""
