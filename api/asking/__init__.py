"""What the product itself is asked: who may come in, and whether a message may be stored."""
