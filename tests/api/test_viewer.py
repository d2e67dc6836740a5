"""viewer returns the authenticated caller."""

from tests.api.operations import Ask


async def test_with_open_access_the_caller_is_anonymous_and_has_all_scopes(ask: Ask) -> None:
    assert await ask("{ viewer { name scopes } }") == {
        "viewer": {"name": None, "scopes": ["admin", "ops", "read", "write"]}
    }
