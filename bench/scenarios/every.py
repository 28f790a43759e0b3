"""All scenarios, in the order of the report."""

from bench.scenarios.fan_out import FanOut
from bench.scenarios.floods import Floods
from bench.scenarios.history_page import HistoryPage
from bench.scenarios.idle import ConnectRate, IdleMemory
from bench.scenarios.many_rooms import ManyRooms
from bench.scenarios.publish import AckLatency, DurablePublish
from bench.scenarios.resume import ReconnectStorm, Resume
from bench.scenarios.scenario import Scenario
from bench.scenarios.slow_readers import SlowReaders

# What a look in between is about: the path of a message, and of a connection.
QUICK = ("fan-out", "durable-publish", "ack-latency", "connect-rate", "idle-memory", "resume")


def every_scenario() -> list[Scenario]:
    """One of each."""
    return [
        FanOut(),
        ManyRooms(),
        DurablePublish(),
        AckLatency(),
        ConnectRate(),
        IdleMemory(),
        ReconnectStorm(),
        Resume(),
        HistoryPage(),
        SlowReaders(),
        Floods(),
    ]
