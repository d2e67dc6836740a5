"""Generated inputs hold up nobody: shapes of filters, variables, selections, orders and frames.

CI tries the same examples each time. `make test-all` sets TEST_BOUNDS_SECONDS, and tries others for
as long as it says.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bounds.harness import JSON, Target, check
from tests.bounds.inputs.filters import create_tickets
from tests.bounds.inputs.sockets import open_websocket
from tests.proof.wire import frame

Record = Callable[[str, str], None]

SECONDS = float(os.environ.get("TEST_BOUNDS_SECONDS", "0"))
EXAMPLES = 60
SERVER_FAULTS = {500, 502, 503}

tried = settings(
    max_examples=1_000_000 if SECONDS else EXAMPLES,
    derandomize=not SECONDS,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# Sizes from one to the limit of the body, as many small as large ones.
SIZES = st.sampled_from([1, 2, 10, 100, 1000, 10_000, 100_000])
TEXTS = st.builds(
    lambda text, size: (text * size)[:300_000],
    st.sampled_from(["a", "€", "%", "_", "\\", "a ", "or ", '"', "-a ", "(", "\U0001f600", "\n"]),
    SIZES,
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXTS).map(
    lambda value: value if not isinstance(value, int) or abs(value) < 2**63 else str(value)
)


def _nested(value: Any, depth: int) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


VALUES = st.one_of(
    SCALARS,
    st.builds(lambda value, size: [value] * min(size, 300_000), st.just(1), SIZES),
    st.builds(lambda size: {f"k{n}": n for n in range(size)}, SIZES),
    st.builds(_nested, SCALARS, st.sampled_from([1, 10, 63, 64, 65, 100])),
)
COLUMNS = st.sampled_from(["subject", "category", "assignedTo", "customerName", "customerEmail"])
OPERATORS = st.sampled_from(
    ["eq", "neq", "contains", "containsIgnoreCase", "startsWith", "in", "nin", "isNull"]
)


def _condition(column: str, operator: str, text: str, size: int) -> dict[str, Any]:
    if operator == "isNull":
        return {column: {operator: True}}
    if operator in {"in", "nin"}:
        return {column: {operator: [text[:5]] * min(size, 50_000)}}
    return {column: {operator: text}}


CONDITIONS = st.one_of(
    st.builds(_condition, COLUMNS, OPERATORS, TEXTS, SIZES),
    st.builds(lambda text: {"search": text}, TEXTS),
    st.builds(lambda value: {"metadata": {"contains": value}}, VALUES),
    st.builds(lambda text: {"metadata": {"hasKey": text}}, TEXTS),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(
            lambda word, one, size: {word: [one] * min(size, 1000)},
            st.sampled_from(["and", "or"]),
            inner,
            SIZES,
        ),
    ),
    max_leaves=8,
)
ORDERS = st.builds(
    lambda field, direction: f"{{field: {field}, direction: {direction}}}",
    st.sampled_from(["CREATED_AT", "UPDATED_AT", "PRIORITY", "STATUS", "SUBJECT"]),
    st.sampled_from(["ASC", "DESC"]),
)
FIELDS = st.lists(
    st.sampled_from(
        [
            "id",
            "description",
            "metadata",
            "logEntries(first: 100) { totalCount nodes { id ticket { id } } }",
            "history(first: 100) { nodes { changes { field before after } } }",
            "delivery { id ticket { delivery { id } } }",
        ]
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def operations(draw: st.DrawFn) -> dict[str, Any]:
    """Return the body of a request, which is often above a limit."""
    selection = " ".join(f"f{n}: {field}" for n, field in enumerate(draw(FIELDS)))
    order, first = draw(ORDERS), draw(st.sampled_from([1, 50, 100]))
    counts = draw(st.sampled_from(["", "totalCount "]))
    lists = " ".join(
        f"t{number}: tickets(first: {first}, filter: $f, orderBy: {order}) "
        f"{{ {counts}nodes {{ {selection} }} }}"
        for number in range(draw(st.sampled_from([1, 2, 10, 29])))
    )
    variables = {"f": draw(FILTERS)}
    if draw(st.integers(0, 4)) == 0:
        variables["unused"] = draw(VALUES)
    return {"query": f"query ($f: TicketFilter) {{ {lists} }}", "variables": variables}


def _encoded(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)


def _measured_examples(target: Target, record: Record, name: str, send: Callable[[], int]) -> None:
    with target.measured() as measuring:
        cases = send()
    check(target, measuring.result)
    record(
        "figure",
        f"Generated {name}: {cases} inputs, others waited "
        f"{measuring.result.longest_s * 1000:.0f} ms",
    )


def test_generated_operations_hold_up_nobody(target: Target, record_property: Record) -> None:
    create_tickets(target)
    cases = 0
    ends_at = time.monotonic() + SECONDS

    def send_all() -> int:
        with target.client() as client:

            @tried
            @given(operations())
            def send(body: dict[str, Any]) -> None:
                nonlocal cases
                if SECONDS and time.monotonic() > ends_at:
                    return
                response = client.post("/graphql", content=_encoded(body), headers=JSON)
                assert response.status_code not in SERVER_FAULTS, response.text[:1000]
                cases += 1

            send()
        return cases

    _measured_examples(target, record_property, "operations", send_all)


FRAMES = st.builds(
    lambda opcode, payload, is_last, number: (
        frame(opcode, payload[:60_000], is_last=is_last) * number
    ),
    st.sampled_from([0, 1, 1, 2, 8, 9, 10]),
    st.one_of(
        st.sampled_from([b"", b'{"type":"ping"}', b'{"type":"connection_init"}']),
        st.builds(lambda size: b"x" * min(size, 60_000), SIZES),
        st.builds(
            lambda key, body: orjson.dumps({"type": "subscribe", "id": key, "payload": body}),
            st.sampled_from(["1", "2"]),
            operations(),
        ),
    ),
    st.booleans(),
    st.sampled_from([1, 2, 100]),
)


def test_generated_frames_hold_up_nobody(target: Target, record_property: Record) -> None:
    cases = 0
    ends_at = time.monotonic() + SECONDS

    def send_all() -> int:
        @tried
        @given(st.booleans(), st.lists(FRAMES, min_size=1, max_size=4))
        def send(is_known: bool, sent: list[bytes]) -> None:  # noqa: FBT001  # hypothesis passes it by position
            nonlocal cases
            if SECONDS and time.monotonic() > ends_at:
                return
            with open_websocket(target, is_known=is_known) as wire:
                wire.settimeout(0.2)
                try:
                    for part in sent:
                        wire.sendall(part)
                    wire.recv(65_536)
                except OSError:
                    # Closed for what it sent, or blocked because it does not read.
                    pass
            cases += 1

        send()
        return cases

    _measured_examples(target, record_property, "frames", send_all)
