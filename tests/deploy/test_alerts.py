"""Each alert rule, over invented series: one that it is for, and one that it is not for."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.docs.reading import ROOT
from tests.programs.finding import find

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
SERVER = 'job="itemroom", instance="a"'
Series = dict[str, str]


def named(metric: str, labels: str = "") -> str:
    """A series of our server."""
    return f"{metric}{{{SERVER}{labels and ', '}{labels}}}"


def acks(bound: str) -> Series:
    """All acks within a bound, ten a minute."""
    bounds = ["0.25", "0.5", "1", "+Inf"]
    return {
        named("itemroom_ack_seconds_bucket", f'le="{le}"'): "0x60"
        if bounds.index(le) < bounds.index(bound)
        else "0+10x60"
        for le in bounds
    }


def commits(seconds: float) -> Series:
    """Ten commits a minute, each of so many seconds."""
    return {
        named("itemroom_batch_seconds_count"): "0+10x60",
        named("itemroom_batch_seconds_sum"): f"0+{10 * seconds}x60",
    }


def refused(code: str, values: str) -> Series:
    """Sockets refused with a code."""
    return {named("itemroom_sockets_refused_total", f'code="{code}"'): values}


def answered(route: str, status: int, values: str) -> Series:
    """Requests answered with a status."""
    labels = f'method="GET", route="{route}", status="{status}"'
    return {named("itemroom_http_requests_total", labels): values}


def behind(count: int, connections: int) -> Series:
    """Clients that are behind, of so many."""
    return {
        named("itemroom_connections_behind"): f"{count}x60",
        named("itemroom_connections"): f"{connections}x60",
    }


def beside(servers: int, metric: str, value: str) -> Series:
    """A server's value, beside so many others."""
    return {named(metric): f"{value}x60", named("itemroom_servers"): f"{servers}x60"}


def repaired(what: str, values: str, *, broker_up: int = 1) -> Series:
    """What nobody told of."""
    return {
        named("itemroom_repairs_total", f'what="{what}"'): values,
        named("itemroom_broker_up"): f"{broker_up}x60",
    }


def conflicts(a_minute: int, entries: int, what: str = "moved") -> Series:
    """Messages that were begun anew, of so many."""
    return {
        named("itemroom_store_conflicts_total", f'what="{what}"'): f"0+{a_minute}x60",
        named("itemroom_entries_stored_total"): f"0+{entries}x60",
    }


def asked(failed: int, answered: int) -> Series:
    """Questions a minute that the product did not answer, and that it did."""
    metric, question = "itemroom_product_asked_total", 'question="review"'
    return {
        named(metric, f'{question}, outcome="failed"'): f"0+{failed}x60",
        named(metric, f'{question}, outcome="yes"'): f"0+{answered}x60",
    }


# By alert: series of a sample a minute, and whether it fires after 20 minutes.
CASES: list[tuple[str, Series, bool]] = [
    ("ItemroomDown", {named("up"): "1x17 0x10"}, True),
    ("ItemroomDown", {named("up"): "1x15 0 1x10"}, False),
    ("ItemroomNotReady", answered("/readyz", 503, "0+30x60"), True),
    ("ItemroomNotReady", answered("/readyz", 200, "0+30x60"), False),
    ("ItemroomNotReady", answered("/items", 503, "0+30x60"), False),
    # The first of its kind, since the server began.
    ("ItemroomFault", refused("internal", "_x17 1x10"), True),
    ("ItemroomFault", answered("/items", 500, "3x17 4x10"), True),
    # Long ago, and since then none.
    ("ItemroomFault", refused("internal", "_x3 1x60"), False),
    ("ItemroomFault", refused("auth_invalid", "0+9x60"), False),
    ("ItemroomCannotStore", answered("/items/{item_id}/messages", 507, "_x18 1x10"), True),
    ("ItemroomCannotStore", refused("storage_error", "2x18 3x10"), True),
    ("ItemroomCannotStore", refused("storage_full", "_x9 1x60"), False),
    ("ItemroomSlowAcks", acks("1"), True),
    ("ItemroomSlowAcks", acks("0.25"), False),
    ("ItemroomSlowCommits", commits(0.2), True),
    ("ItemroomSlowCommits", commits(0.02), False),
    ("ItemroomClientsBehind", behind(30, 100), True),
    ("ItemroomClientsBehind", behind(30, 1000), False),
    ("ItemroomClientsBehind", behind(4, 5), False),
    ("ItemroomTurnsAway", refused("busy", "0+120x60"), True),
    ("ItemroomTurnsAway", refused("busy", "0+30x60"), False),
    ("ItemroomTurnsAway", refused("auth_expired", "0+120x60"), False),
    (
        "ItemroomFewFilesLeft",
        {named("process_open_fds"): "900x60", named("process_max_fds"): "1024x60"},
        True,
    ),
    (
        "ItemroomFewFilesLeft",
        {named("process_open_fds"): "900x60", named("process_max_fds"): "65536x60"},
        False,
    ),
    ("ItemroomProcessorFull", {named("process_cpu_seconds_total"): "0+58x60"}, True),
    ("ItemroomProcessorFull", {named("process_cpu_seconds_total"): "0+30x60"}, False),
    ("ItemroomRestartsOften", {named("process_start_time_seconds"): "1x9 2x3 3x3 4x9"}, True),
    ("ItemroomRestartsOften", {named("process_start_time_seconds"): "1x9 2x30"}, False),
    ("ItemroomBrokerDown", beside(2, "itemroom_broker_up", "0"), True),
    ("ItemroomBrokerDown", beside(2, "itemroom_broker_up", "1"), False),
    ("ItemroomBrokerDown", beside(1, "itemroom_broker_up", "0"), False),
    ("ItemroomBrokerSlow", beside(2, "itemroom_broker_lag_seconds", "1.5"), True),
    ("ItemroomBrokerSlow", beside(2, "itemroom_broker_lag_seconds", "0.01"), False),
    ("ItemroomBrokerLoses", repaired("entries", "0+60x60"), True),
    ("ItemroomBrokerLoses", repaired("entries", "0+60x60", broker_up=0), False),
    ("ItemroomBrokerLoses", repaired("rights", "0+60x60"), False),
    ("ItemroomEpochBegan", repaired("epoch", "0x17 1x10"), True),
    ("ItemroomEpochBegan", repaired("epoch", "0x3 1x60"), False),
    ("ItemroomConflicts", conflicts(1200, 6000), True),
    ("ItemroomConflicts", conflicts(1200, 60000), False),
    ("ItemroomConflicts", conflicts(60, 120), False),
    ("ItemroomConflicts", conflicts(1200, 6000, what="taken"), False),
    ("ItemroomProductSilent", asked(6, 60), True),
    ("ItemroomProductSilent", asked(1, 60), False),
    ("ItemroomProductSilent", asked(0, 0), False),
    ("ItemroomWebhookBehind", {named("itemroom_webhook_lag_seconds"): "900x60"}, True),
    ("ItemroomWebhookBehind", {named("itemroom_webhook_lag_seconds"): "900x17 0x40"}, False),
    ("ItemroomWebhookPaused", {named("itemroom_webhooks_paused"): "0x15 1x40"}, True),
    ("ItemroomWebhookPaused", {named("itemroom_webhooks_paused"): "0x60"}, False),
]


def read_rules() -> list[dict[str, Any]]:
    """The rules as they are shipped."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def test_every_alert_fires_and_keeps_silent_somewhere() -> None:
    """No rule without a case that it is for, and one that it is not for."""
    names = {rule["alert"] for rule in read_rules()}
    for fires in (True, False):
        assert {alert for alert, _, expected in CASES if expected is fires} == names


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    """As Prometheus itself evaluates them."""
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": text} for name, text in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                    "eval_time": "20m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                }
            ],
        }
        for alert, series, fires in CASES
    ]
    # JSON is YAML.
    cases = tmp_path / "cases.yml"
    cases.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}))
    promtool = find("promtool").path
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(cases)]):
        verdict = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
