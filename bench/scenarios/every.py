"""All scenarios, in the order of the report."""

from collections.abc import Mapping
from types import MappingProxyType

from bench.scenarios.fan_out import FanOut
from bench.scenarios.floods import Floods
from bench.scenarios.history_page import HistoryPage
from bench.scenarios.idle import ConnectRate, IdleMemory
from bench.scenarios.many_rooms import ManyRooms
from bench.scenarios.publish import AckLatency, DurablePublish
from bench.scenarios.resume import ReconnectStorm, Resume
from bench.scenarios.scenario import Effort, Scenario
from bench.scenarios.servers import IdleRooms, OtherServer, SharedPublish
from bench.scenarios.slow_readers import SlowReaders
from bench.scenarios.streams import Streams

# What a look in between is about: the path of a message, and of a connection.
QUICK = ("fan-out", "durable-publish", "ack-latency", "connect-rate", "idle-memory", "resume")
# The most rounds of a scenario, where more of them say nothing new: what a connection holds is the
# same each time, and the longest have hundreds of figures, or their peers, beside each other.
MOST_ROUNDS: Mapping[str, int] = MappingProxyType(
    {
        "idle-memory": 2,
        "reconnect-storm": 3,
        "streams": 3,
        "resume": 2,
        "history-page": 1,
        "slow-readers": 1,
        "floods": 1,
        "pg-idle-rooms": 1,
    }
)


# Those of several servers, and of one that could have others beside it: a part of the documents of
# their own, so that they can be measured by themselves.
ON_POSTGRES = ("pg-publish-1", "pg-publish-3", "pg-other-server", "pg-idle-rooms")


def rounds_of(scenario: Scenario, wanted: int, effort: Effort) -> int:
    """How often a scenario is run, when a figure is wanted so many times."""
    most = MOST_ROUNDS.get(scenario.name, wanted)
    return min(wanted, effort.of(most, 1 if scenario.name in MOST_ROUNDS else wanted))


def every_scenario() -> list[Scenario]:
    """One of each."""
    return [
        FanOut(),
        ManyRooms(),
        DurablePublish(),
        AckLatency(),
        Streams(),
        ConnectRate(),
        IdleMemory(),
        ReconnectStorm(),
        Resume(),
        HistoryPage(),
        SlowReaders(),
        Floods(),
        SharedPublish(1),
        SharedPublish(3),
        OtherServer(),
        IdleRooms(),
    ]
