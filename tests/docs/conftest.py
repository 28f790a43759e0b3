"""What the examples for browsers are run in."""

from tests.browser import anyio_backend, browser, windows

__all__ = ["anyio_backend", "browser", "windows"]
