"""The server process and its fixtures, shared with the tests of HTTP."""

from tests.app.http.conftest import http, new_token, serve, server, tokens

__all__ = ["http", "new_token", "serve", "server", "tokens"]
