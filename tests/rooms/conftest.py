from tests.live.conftest import world

__all__ = ["world"]
