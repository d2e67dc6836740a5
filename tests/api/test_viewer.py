"""Who asks, as the server knows them."""

from tests.api.asking import Ask


async def test_where_access_is_open_nobody_is_known_and_everything_is_allowed(ask: Ask) -> None:
    assert await ask("{ viewer { name scopes } }") == {
        "viewer": {"name": None, "scopes": ["admin", "ops", "read", "write"]}
    }
