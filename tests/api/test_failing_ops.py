"""An OPS that fails, rejects or is slow: no delivery is lost, and every attempt is logged."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import httpx2
import pytest

from models import LogEntry, OpsDelivery, OpsState
from tests.api.operations import Ask, create
from tests.app.http.serving import served

SEND = """
    mutation ($id: ID!) {
      sendToOps(input: {ticketId: $id}) {
        ticket { opsState }
        delivery { id state attempts reference lastError nextAttemptAt deliveredAt }
        logEntry { action status attempt response }
        errors { __typename code path message ... on OpsError { retryable retryAfterMs } }
      }
    }
"""
RETRY = """
    mutation ($id: ID!) {
      retryDelivery(input: {deliveryId: $id}) {
        delivery { state attempts }
        logEntry { action status attempt }
        errors { __typename code path ... on OpsError { retryable } }
      }
    }
"""
STATUS = """
    query ($id: ID!) {
      opsStatus(ticketId: $id) {
        status
        reference
        logEntry { action status response }
        errors { __typename code path ... on OpsError { retryable retryAfterMs } }
      }
    }
"""

# Executes an operation on a server with these settings of OPS.
AskWith: TypeAlias = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def ask_with(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskWith]:
    """Return a function that starts one server for each set of settings of OPS."""
    with ExitStack() as running:
        clients: dict[str, httpx2.Client] = {}

        def run(ops: dict[str, str], document: str, **variables: Any) -> dict[str, Any]:
            key = repr(ops)
            if key not in clients:
                log = tmp_path_factory.mktemp("ops") / "server.log"
                settings = {"DELIVERY_WORKER": "false"} | ops
                clients[key] = running.enter_context(served(log, database_url, **settings)).http
            content = {"query": document, "variables": variables}
            answer: dict[str, Any] = clients[key].post("/graphql", json=content).json()
            assert "errors" not in answer, answer
            data: dict[str, Any] = answer["data"]
            return data

        yield run


REFUSING = {"OPS_SIM_REJECT_RATE": "1"}
FAILING = {"OPS_SIM_FAILURE_RATE": "1", "OPS_MAX_ATTEMPTS": "2"}
SLOW = {"OPS_SIM_LATENCY_MS": "60000", "OPS_TIMEOUT_MS": "20"}


async def test_a_rejected_ticket_is_not_retried(ask: Ask, ask_with: AskWith) -> None:
    ticket_id = await create(ask)
    payload = ask_with(REFUSING, SEND, id=ticket_id)["sendToOps"]
    [error] = payload["errors"]
    assert error.pop("message")
    assert error == {
        "__typename": "OpsError",
        "code": "OPS_REJECTED",
        "path": [],
        "retryable": False,
        "retryAfterMs": None,
    }
    assert payload["ticket"] == {"opsState": "FAILED"}
    delivery = payload["delivery"]
    assert (delivery["state"], delivery["nextAttemptAt"]) == ("FAILED", None)
    assert delivery["lastError"]
    entry = payload["logEntry"]
    assert (entry["action"], entry["status"], entry["attempt"]) == ("SEND", "FAILED", 1)
    assert entry["response"]["error"] == "rejected"

    # After a correction of the ticket a retry is possible.
    payload = ask_with(REFUSING, RETRY, id=delivery["id"])["retryDelivery"]
    assert payload["delivery"] == {"state": "FAILED", "attempts": 2}
    assert payload["logEntry"] == {"action": "RETRY", "status": "FAILED", "attempt": 2}
    assert [error["code"] for error in payload["errors"]] == ["OPS_REJECTED"]


async def test_a_failing_ops_is_retried_up_to_the_maximum_of_attempts(
    ask: Ask, ask_with: AskWith
) -> None:
    ticket_id = await create(ask)
    payload = ask_with(FAILING, SEND, id=ticket_id)["sendToOps"]
    [error] = payload["errors"]
    assert (error["code"], error["path"], error["retryable"]) == ("OPS_UNAVAILABLE", [], True)
    assert error["retryAfterMs"] >= 0
    assert payload["ticket"] == {"opsState": "PENDING"}
    assert payload["delivery"]["state"] == "PENDING"
    assert payload["delivery"]["nextAttemptAt"] is not None
    assert payload["delivery"]["deliveredAt"] is None
    assert payload["logEntry"]["response"]["error"] == "unavailable"

    # Another call makes no attempt and no error: the delivery is pending.
    payload = ask_with(FAILING, SEND, id=ticket_id)["sendToOps"]
    assert payload["delivery"]["attempts"] == 1
    assert (payload["logEntry"], payload["errors"]) == (None, [])

    health = ask_with(FAILING, "{ opsHealth { circuit pending } }")["opsHealth"]
    assert health == {"circuit": "CLOSED", "pending": 1}

    # After a recovery OPS receives the ticket under the same key.
    delivery_id = payload["delivery"]["id"]
    cancel = """
        mutation ($id: ID!) { cancelDelivery(input: {deliveryId: $id}) { errors { code } } }
    """
    await ask(cancel, id=delivery_id)
    payload = (await ask(RETRY, id=delivery_id))["retryDelivery"]
    assert payload["delivery"] == {"state": "DELIVERED", "attempts": 2}
    assert payload["errors"] == []


async def test_a_slow_ops_is_a_timeout(ask: Ask, ask_with: AskWith) -> None:
    ticket_id = await create(ask)
    payload = ask_with(SLOW, SEND, id=ticket_id)["sendToOps"]
    assert [error["code"] for error in payload["errors"]] == ["OPS_TIMEOUT"]
    assert payload["delivery"]["state"] == "PENDING"
    assert payload["logEntry"]["response"]["error"] == "timeout"


@pytest.mark.parametrize(("ops", "code"), [(FAILING, "OPS_UNAVAILABLE"), (SLOW, "OPS_TIMEOUT")])
async def test_a_failed_status_query_is_logged(
    ask: Ask, ask_with: AskWith, ops: dict[str, str], code: str
) -> None:
    ticket_id = await create(ask)
    await ask(SEND, id=ticket_id)
    payload = ask_with(ops, STATUS, id=ticket_id)["opsStatus"]
    assert payload["status"] is None
    assert payload["reference"]
    assert payload["errors"] == [
        {
            "__typename": "OpsError",
            "code": code,
            "path": [],
            "retryable": False,
            "retryAfterMs": None,
        }
    ]
    assert (payload["logEntry"]["action"], payload["logEntry"]["status"]) == ("QUERY", "FAILED")
    assert await LogEntry.filter(action="query", status="failed").count() == 1
    delivery = await OpsDelivery.get()
    assert (delivery.state, delivery.remote_status) == (OpsState.DELIVERED, "received")
