"""Server of a key set, whose keys, failures and delays a test controls."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

__all__ = ["KeyServer", "key_server", "new_key", "private", "public", "token_of"]

# The interval at which the server checks whether to stop.
POLL_S = 0.02


class KeyServer:
    """The response of the server, and the number of requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.content = b'{"keys": []}'
        self.requests = 0
        # While it is not set, requests wait.
        self.may_respond = threading.Event()
        self.may_respond.set()

    def publish(self, *keys: dict[str, Any]) -> None:
        """Respond with these keys."""
        self.status = 200
        self.content = json.dumps({"keys": keys}).encode()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Run a server with an empty key set during the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            keys.requests += 1
            keys.may_respond.wait()
            self.send_response(keys.status)
            self.send_header("Content-Length", str(len(keys.content)))
            self.end_headers()
            self.wfile.write(keys.content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        keys = KeyServer(f"http://127.0.0.1:{server.server_address[1]}/keys")
        thread = threading.Thread(target=server.serve_forever, args=[POLL_S])
        thread.start()
        try:
            yield keys
        finally:
            keys.may_respond.set()
            server.shutdown()
            thread.join()


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def public(kid: str | None, key: Any, algorithm: str = "RS256", **members: Any) -> dict[str, Any]:
    """Return the public half of a key as a member of a set."""
    member = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**member, "kid": kid, "alg": algorithm, "use": "sig", **members}


def private(kid: str, key: Any) -> dict[str, Any]:
    """Return a member with the private half, which must not be published."""
    member = jwt.get_algorithm_by_name("RS256").to_jwk(key, as_dict=True)
    return {**member, "kid": kid, "alg": "RS256", "use": "sig", "key_ops": ["verify"]}


def token_of(kid: str, key: Any, algorithm: str = "RS256") -> str:
    """Return a token signed by a key."""
    claims = {"sub": "ann", "scope": "read", "exp": time.time() + 60}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})
