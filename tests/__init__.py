"""The tests mirror the source: pure, in process, and live against a real server."""
