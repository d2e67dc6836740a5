"""Alerts, dashboard and configuration of Prometheus name what a running server serves."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.app.http.conftest import Serve
from tests.app.http.serving import WITH_REPLICA
from tests.deploy.promql import Selector, grouping_labels, selectors
from tests.docs.markdown import ROOT, Page

PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "ticketops.json"
# Prometheus adds these.
TARGET_LABELS = {"job", "instance"}
OWN_METRICS = {"up"}
# Values that depend on the traffic.
OPEN_LABELS = {"status", "operation"}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for rule in alerts():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]
    for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]:
        if variable["type"] == "query":
            [selector] = re.findall(r"label_values\((.*), \w+\)", variable["query"]["query"])
            yield selector


def is_served(selector: Selector, values: dict[str, dict[str, set[str]]]) -> bool:
    """Return whether a server has the metric, its labels and the values of the labels."""
    if selector.metric in OWN_METRICS:
        return True
    labels = values.get(selector.metric)
    if labels is None:
        return False
    for label, how, value in selector.matchers:
        if label in TARGET_LABELS:
            continue
        if label not in labels:
            return False
        if label not in OPEN_LABELS:
            wanted = value.split("|") if how.endswith("~") else [value]
            if not set(wanted) <= labels[label]:
                return False
    return True


def test_every_metric_label_and_value_exists_in_a_running_server(serve: Serve) -> None:
    server = serve(**WITH_REPLICA)
    server.http.get("/healthz")
    values: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(server.http.get("/metrics").text):
        for sample in family.samples:
            labels = values.setdefault(sample.name, defaultdict(set))
            for label, value in sample.labels.items():
                labels[label].add(value)
    for expression in expressions():
        found = list(selectors(expression))
        assert found, expression
        assert [one for one in found if not is_served(one, values)] == [], expression
        known = {label for one in found for label in values.get(one.metric, {})} | TARGET_LABELS
        assert grouping_labels(expression) <= known, expression


def test_the_names_in_an_expression_are_found() -> None:
    expression = (
        'sum by (le, a) (rate(m_bucket{a=~"x|y", b!="{z}"}[5m])) > on (c) 0.8 * n offset 15m'
        ' and histogram_quantile(0.9, o{instance=~"$instance"}[$__rate_interval]) or p'
    )
    assert [one.metric for one in selectors(expression)] == ["m_bucket", "n", "o", "p"]
    assert next(selectors(expression)).matchers == (("a", "=~", "x|y"), ("b", "!=", "{z}"))
    assert grouping_labels(expression) == {"le", "a", "c"}


def test_every_alert_has_a_runbook_in_the_documentation() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    documented = (ROOT / "docs" / "how-to" / "monitor.md").read_text()
    for rule in alerts():
        annotations = rule["annotations"]
        assert annotations["summary"].endswith((".", "all."))
        assert annotations["runbook"].endswith(".")
        path, anchor = annotations["runbook_url"].split("#")
        page = Page(ROOT / path)
        assert anchor in page.anchors
        section = re.split(r"^## ", documented, flags=re.MULTILINE)
        [own] = [text for text in section if f"`{rule['alert']}`" in text]
        heading = own.partition("\n")[0].lower().replace(" ", "-")
        assert heading == anchor
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_dashboard_uses_its_variable_for_the_data_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(identifiers) == len(set(identifiers))
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["title"]
        assert panel["description"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.fixture
def promtool() -> str:
    """Return the path of promtool; skip the test without it, in CI too, since it is large."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on this machine (on Debian: apt install prometheus)")
    return found


def test_promtool_accepts_the_configuration_and_the_alerts(promtool: str, tmp_path: Path) -> None:
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    (folder / "ticketops.token").write_text("token")
    subprocess.run([promtool, "check", "config", folder / "prometheus.yml"], check=True)


def test_alerts_fire_when_they_should(promtool: str) -> None:
    tests = ROOT / "tests" / "deploy" / "alerts_test.yml"
    subprocess.run([promtool, "test", "rules", tests], check=True)
