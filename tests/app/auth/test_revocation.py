"""The documentation states the times until a revoked token stops working."""

from pathlib import Path

from app.auth.revocation import CREDENTIAL_CACHE_S, REVOCATION_DELAY_S

GUIDE = Path(__file__).parents[3] / "docs/how-to/authentication.md"


def test_the_guide_states_the_times_of_the_code() -> None:
    text = " ".join(GUIDE.read_text("utf-8").partition('id="revocation"')[2].split())
    assert f"rejected after at most {CREDENTIAL_CACHE_S:g} seconds" in text
    assert f"after {REVOCATION_DELAY_S:g} seconds the token no longer works anywhere" in text
