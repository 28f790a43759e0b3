"""The board and the configuration of Prometheus, with a real Prometheus and a real server."""

import asyncio
import json
import math
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from bench.machine import free_port
from tests.asking.shop import SECRET
from tests.deadlines import scaled
from tests.deploy.test_alerts import RULES, read_rules
from tests.docs.reading import ROOT
from tests.process import Process
from tests.programs.finding import find
from tests.serving import Talk
from tests.webhooks.hooking import runner

pytestmark = pytest.mark.anyio
BOARD = json.loads((ROOT / "deploy" / "grafana" / "itemroom.json").read_text())
CONFIGURATION = ROOT / "deploy" / "prometheus" / "prometheus.yml"
PATIENCE = scaled(20.0)
# Of a histogram's series, the board needs none to be there beside the others.
PART = re.compile(r"_(bucket|sum|count)$")


def panels() -> list[dict[str, Any]]:
    """The panels that ask something."""
    return [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """What all panels ask, with Grafana's variables filled in."""
    return [
        target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        for panel in panels()
        for target in panel["targets"]
    ]


def metrics_in(text: str) -> set[str]:
    """The metrics that a query names, without a histogram's endings."""
    return {PART.sub("", name) for name in re.findall(r"\b(?:itemroom|process)_\w+", text)}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The server that is watched."""
    folder = tmp_path_factory.mktemp("watched")
    # A product that nobody is: it is asked all the same, and each message is stored.
    with Process(
        folder,
        measured=False,
        review_url="http://127.0.0.1:1/",
        review_failure="accept",
        ask_secret=SECRET,
    ) as process:
        yield process


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx2.Client]:
    """A Prometheus with the shipped files, that looks each second; a client of its API."""
    text = CONFIGURATION.read_text().replace("127.0.0.1:8000", target).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(text)
    (folder / RULES.name).write_text(RULES.read_text())
    program, port = find("prometheus"), free_port()
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with (folder / "prometheus.log").open("wb") as log:
        popen = subprocess.Popen(
            [program.path, *(f"--{name}={value}" for name, value in options.items())],
            stdout=log,
            stderr=log,
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            yield client
    finally:
        popen.terminate()
        popen.wait(PATIENCE)


def answers(client: httpx2.Client, query: str) -> bool:
    """Whether there is a number to draw."""
    try:
        answer = client.get("/query", params={"query": query})
    except httpx2.TransportError:
        return False  # It starts.
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return False  # It listens, and is not ready.
    # Before it is ready it answers with a sentence and no data, too.
    said = answer.json()
    found = said["data"]["result"] if said["status"] == "success" else []
    return any(not math.isnan(float(series["value"][1])) for series in found)


async def test_every_panel_has_something_to_draw(process: Process, tmp_path: Path) -> None:
    """Each query of the board is answered with numbers, and all rules are taken."""
    ada = process.person("ada")
    ada.create("order-17")
    runs = runner(process)
    # Nobody may be called there: that is a call, too.
    hook = runs.hook("http://127.0.0.1:9/", "order-*")
    deadline = time.monotonic() + PATIENCE
    target = process.url.removeprefix("http://")
    with prometheus(tmp_path, target) as client:
        silent = queries()
        async with ada.room("order-17") as talk:
            while silent and time.monotonic() < deadline:
                await talk.publish("here", ref=f"r{time.monotonic_ns()}")
                await asyncio.to_thread(runs.do, "POST", f"/webhooks/{hook['id']}/test")
                async with connect(
                    process.room_url("order-17", token="none"), proxy=None
                ) as socket:
                    await Talk(socket).closed()
                silent = [query for query in silent if not answers(client, query)]
                await asyncio.sleep(0.2)
        assert silent == []
        groups = client.get("/rules").json()["data"]["groups"]
        health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
        assert health == {rule["alert"]: "ok" for rule in read_rules()}


def test_board_and_alerts_name_what_there_is(process: Process) -> None:
    """Every metric that the server exports is on the board, and no other is asked for."""
    exported = re.findall(r"^# TYPE (\w+) ", httpx2.get(f"{process.url}/metrics").text, re.M)
    there = {name for name in exported if not name.endswith("_created")}
    assert set.union(*map(metrics_in, queries())) == there
    assert set.union(*(metrics_in(rule["expr"]) for rule in read_rules())) <= there


def test_panels_stand_beside_each_other() -> None:
    """Each has an id of its own and a place that no other has, and asks the chosen Prometheus."""
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in BOARD["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    sources = [target["datasource"]["uid"] for panel in panels() for target in panel["targets"]]
    assert set(sources) == {"${datasource}"}
    assert {v["name"] for v in BOARD["templating"]["list"]} == {"datasource", "instance"}
