"""What the server shows of itself: the console, and documents for people and programs."""
