"""The fixtures of servers, shared with the tests of HTTP."""

from tests.app.http.conftest import serve

__all__ = ["serve"]
