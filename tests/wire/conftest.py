import pytest

from api.settings import Settings
from api.wire.shared import Wire
from tests.wire.line import Line


@pytest.fixture
def wire(settings: Settings) -> Wire:
    """With a write buffer of a kilobyte."""
    return Wire(settings.model_copy(update={"write_buffer_bytes": 1024}))


@pytest.fixture
async def line(wire: Wire) -> Line:
    """A client that has just been let in."""
    return Line(wire)
