"""Peers: described, pinned, started and ended; spoken to in their own words."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from api.settings import Settings
from bench.machine import Cores, cores, cpu_seconds, family, program_of, resident_bytes
from bench.peers.every import every_peer
from bench.peers.itemroom import Rooms
from bench.peers.node import Packets
from bench.peers.peer import AbsentError, Command, World, log_of, started
from bench.peers.tutorial import Tutorial
from bench.peers.world import put_database
from bench.results import OURS
from bench.scenarios.every import MOST_ROUNDS, ON_POSTGRES, QUICK, every_scenario, rounds_of
from bench.scenarios.scenario import Effort
from tests.deadlines import scaled

LISTENING = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))"


class Program(Tutorial):
    """A peer of one line of Python."""

    def __init__(self, code: str) -> None:
        super().__init__("program", "A program", "/{room}/{member}")
        self._code = code
        self.ready = ""

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:
        return [Command([sys.executable, "-c", self._code, str(port)], port, ready=self.ready)]


def test_peer_that_listens_is_pinned_and_ends_with_its_block(tmp_path: Path) -> None:
    """Nothing of a peer runs on after it was measured."""
    core = cores().server
    program = Program(f"{LISTENING}; time.sleep(60)")
    with started(program, World(), tmp_path, core=core) as site:
        (pid,) = site.pids
        assert os.sched_getaffinity(pid) == {core}
        assert site.resident_bytes() > 0 <= site.cpu_seconds()
        assert site.dialect.address(3, 4).url == f"ws://127.0.0.1:{site.port}/3/4"
    assert site.processes[0].returncode is not None


def test_peer_that_ends_by_itself_is_absent_with_its_last_words(tmp_path: Path) -> None:
    """Whoever reads the report learns why."""
    program = Program("raise SystemExit('no library')")
    with (
        pytest.raises(AbsentError, match="no library"),
        started(program, World(), tmp_path, core=cores().server),
    ):
        pass


def test_peer_that_answers_too_early_is_waited_for(tmp_path: Path) -> None:
    """PostgreSQL listens before it lets anybody in."""
    late = "time.sleep(0.2); print('rea' + 'dy', flush=True); time.sleep(60)"
    program = Program(f"{LISTENING}; {late}")
    program.ready = "ready"
    with started(program, World(), tmp_path, core=cores().server):
        assert "ready" in log_of(tmp_path)


def test_process_that_has_ended_counts_for_the_one_that_waited_for_it(tmp_path: Path) -> None:
    """PostgreSQL's processes come and go, and what they have computed stays."""
    busy = "while sum(os.times()[:2]) < 0.3: pass"
    child = f"import os, subprocess; subprocess.run([sys.executable, '-c', 'import os\\n{busy}'])"
    program = Program(f"import sys; {child}; {LISTENING}; time.sleep(60)")
    with started(program, World(), tmp_path, core=cores().server) as site:
        (pid,) = site.pids
        assert site.cpu_seconds() >= 0.3
        assert site.cpu_seconds_of(program_of(pid)) >= 0.3
        assert site.cpu_seconds_of("postgres") == 0


@pytest.mark.parametrize(
    ("servers", "where"), [(1, [0, 0, 0, 0]), (2, [0, 1, 1, 0]), (3, [0, 1, 1, 2])]
)
def test_members_of_a_room_and_rooms_are_spread_over_the_servers(
    servers: int, where: list[int]
) -> None:
    """So that what one says has to cross, and each server has its share of the authors."""
    world = World(rooms=2, members=2, servers=servers)
    assert [world.server(room, member) for room in range(2) for member in range(2)] == where


def test_own_process_can_be_looked_at() -> None:
    """The shares and sizes of the report are read from the kernel."""
    assert family(os.getpid())[0] == os.getpid()
    assert cpu_seconds([os.getpid()]) > 0
    assert resident_bytes([os.getpid()]) > 2**20


@pytest.mark.parametrize(("load", "shared"), [(0, True), (1, False)])
def test_one_core_for_both_is_said(load: int, *, shared: bool) -> None:
    """Figures of a machine with one core mean little."""
    assert Cores(0, load).shared is shared


def test_scenarios_name_peers_that_exist_and_begin_with_ours() -> None:
    """A misspelt peer would be left out in silence."""
    names = {peer.name for peer in every_peer()}
    scenarios = every_scenario()
    assert all(set(scenario.peers) <= names for scenario in scenarios)
    assert all(scenario.peers[0] in OURS for scenario in scenarios)
    assert set(OURS) <= names
    assert {*QUICK, *ON_POSTGRES} <= {scenario.name for scenario in scenarios}


def test_scenario_has_no_more_rounds_than_say_something_new() -> None:
    """All in one place, which names none that does not exist."""
    scenarios = {scenario.name: scenario for scenario in every_scenario()}
    assert set(MOST_ROUNDS) <= set(scenarios)
    full, quick = (Effort(quick=quick) for quick in (False, True))
    assert rounds_of(scenarios["floods"], 5, full) == 1
    assert rounds_of(scenarios["fan-out"], 5, full) == 5
    assert rounds_of(scenarios["reconnect-storm"], 2, full) == 2
    assert rounds_of(scenarios["idle-memory"], 2, quick) == 1
    assert rounds_of(scenarios["fan-out"], 2, quick) == 2


def test_quick_look_takes_on_no_more() -> None:
    """In no scenario is the quick world larger than the full one."""
    for scenario in every_scenario():
        quick, full = (scenario.world(Effort(quick=quick)) for quick in (True, False))
        assert quick.rooms <= full.rooms
        assert max(quick.logs) <= max(full.logs)


@pytest.mark.sqlite
def test_kept_world_is_made_anew_for_other_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database of before would be measured while it is brought up to date."""
    monkeypatch.setattr("bench.peers.install.PEERS", tmp_path / "peers")
    settings = Settings.model_validate({"database_url": f"sqlite:///{tmp_path / 'bench.db'}"})
    put_database(World(), settings)
    (first,) = (tmp_path / "peers" / "itemroom").iterdir()
    put_database(World(rooms=11), settings)
    monkeypatch.setattr("bench.peers.world._schema", lambda: 7)
    put_database(World(), settings)
    kept = {path.name for path in (tmp_path / "peers" / "itemroom").iterdir()}
    assert first.name not in kept
    assert "1_1_0-00000007.db" in kept
    assert len(kept) == 2


def test_logs_go_on_from_the_first_when_there_are_more_rooms() -> None:
    """A world of many rooms with equal logs is said in one number."""
    assert [World(rooms=3, logs=(7, 0)).entries(room) for room in range(3)] == [7, 0, 7]


def test_member_of_a_room_shows_their_own_token() -> None:
    """Connections are really authenticated: in a header, so that no log has it."""
    rooms = Rooms("127.0.0.1:1", [["t0", "t1"]])
    address = rooms.room_address(0, 1, after=5)
    assert address.url == "ws://127.0.0.1:1/items/item-0/ws?after=5"
    assert address.headers == {"Authorization": "Bearer t1"}
    assert json.loads(rooms.publish(0, '"', 7)) == {"type": "publish", "ref": "m7", "body": '"'}


def test_packet_asks_for_an_acknowledgement() -> None:
    """Socket.IO answers an event that has a number."""
    assert Packets("127.0.0.1:1").publish(0, "hi", 7) == b'427["say","hi"]'


def test_what_a_peer_has_started_ends_with_it(tmp_path: Path) -> None:
    """Node's wheel runs Node from a wrapper, which does not pass signals on."""
    child = "import subprocess; subprocess.Popen(['sleep', '60'])"
    program = Program(f"{child}; {LISTENING}; time.sleep(60)")
    with started(program, World(), tmp_path, core=cores().server) as site:
        _, sleeping = site.pids
    deadline = time.monotonic() + scaled(10)
    while _runs(sleeping):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # Dead, and not yet fetched by whoever inherited it.
