"""A browser, for pages of the host and of the rooms below it."""

from tests.browser import anyio_backend, browser, windows

__all__ = ["anyio_backend", "browser", "windows"]
