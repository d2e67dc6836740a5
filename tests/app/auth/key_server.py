"""A server of public keys, which changes them, fails and hangs as a test wants."""

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

# How soon it notices that it is to stop.
POLL_S = 0.02


class KeyServer:
    """What it answers, and how often it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.content = b'{"keys": []}'
        self.asked = 0
        # While it is not set, nobody gets an answer.
        self.answers = threading.Event()
        self.answers.set()

    def publish(self, *keys: dict[str, Any]) -> None:
        """Answer with these keys from now on."""
        self.status = 200
        self.content = json.dumps({"keys": keys}).encode()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Run one until the end of the block, without a key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            keys.asked += 1
            keys.answers.wait()
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
            keys.answers.set()
            server.shutdown()
            thread.join()


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def public(kid: str | None, key: Any, algorithm: str = "RS256", **members: Any) -> dict[str, Any]:
    """Return the public half of a key as a set has it."""
    half = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**half, "kid": kid, "alg": algorithm, "use": "sig", **members}


def private(kid: str, key: Any) -> dict[str, Any]:
    """Return a key as no set should have it."""
    whole = jwt.get_algorithm_by_name("RS256").to_jwk(key, as_dict=True)
    return {**whole, "kid": kid, "alg": "RS256", "use": "sig", "key_ops": ["verify"]}


def token_of(kid: str, key: Any, algorithm: str = "RS256") -> str:
    """Return a token that is good where the key is."""
    claims = {"sub": "ann", "scope": "read", "exp": time.time() + 60}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})
