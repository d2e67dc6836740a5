"""The harness measures what it should."""

import time

from tests.bounds.harness import MIB, Target, check


def test_an_honest_request_is_within_all_limits(target: Target) -> None:
    with target.measured() as measuring:
        answer = target.graphql("{ tickets(first: 1) { totalCount } }")
        time.sleep(0.3)
    assert (answer.status, answer.code) == (200, None)
    check(target, measuring.result, peak_bytes=64 * MIB, kept_bytes=64 * MIB)
    assert measuring.result.probes > 1
    assert measuring.result.connections > 0


def test_the_answer_to_an_invalid_request_has_its_code_and_message(target: Target) -> None:
    answer = target.graphql("{ tickets(first: 0) { totalCount } }")
    assert answer.code == "BAD_USER_INPUT"
    with target.client(caller=None) as client:
        assert client.get("/tickets").status_code == 401
