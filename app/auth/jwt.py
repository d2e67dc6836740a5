"""Verification of JSON Web Tokens (RFC 7519), by a shared secret or by a set of public keys."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import jwt

from app.auth.key_set import KeySet
from app.config.settings import Settings

__all__ = ["InvalidJwt", "JwtVerifier", "scopes_of"]

# Fixed here and for public keys, so that a token cannot choose its algorithm.
_SECRET_ALGORITHMS = ["HS256"]
# Tolerated difference between the clocks of the issuer and of this machine.
_LEEWAY_S = 30
# The end of the year 9999, the latest time that Python can represent.
_MAX_EXPIRY_S = 253_402_300_799


# Messages of the library quote parts of a token, which can have the size of a request's head.
_MAX_REASON_LENGTH = 200


class InvalidJwt(Exception):
    """The token is invalid; the reason is logged and not sent to the client."""


class JwtVerifier:
    """Verifies JWTs as the settings configure it."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = monotonic) -> None:
        self._secret = settings.jwt_secret
        url = settings.jwt_jwks_url
        self._keys = None if url is None else KeySet(url, clock=clock)
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid token; raises InvalidJwt and KeysUnavailable.

        A valid token has a signature by a known key with a fixed algorithm, a storable subject
        and an expiry in the future. If JWT_ISSUER or JWT_AUDIENCE is set, it has that issuer
        or audience.
        """
        try:
            key, algorithms = await self._key(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": self._audience is not None,
                    "verify_iss": self._issuer is not None,
                },
            )
        except jwt.PyJWTError as error:
            reason = f"{type(error).__name__}: {error}"
            raise InvalidJwt(reason[:_MAX_REASON_LENGTH]) from error
        _check(claims)
        return claims

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._secret is not None:
            return self._secret, _SECRET_ALGORITHMS
        if self._keys is None:
            raise InvalidJwt("JWTs are disabled: JWT_SECRET and JWT_JWKS_URL are unset")
        key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise InvalidJwt("the key set has no key with this kid")
        return key, [key.algorithm_name]


def _check(claims: dict[str, Any]) -> None:
    """Check claims that the library accepts and this program cannot use; raises InvalidJwt."""
    # RFC 7519, section 2, requires a number; the library also accepts text.
    if not isinstance(claims["exp"], (int, float)) or claims["exp"] > _MAX_EXPIRY_S:
        raise InvalidJwt("exp must be a number of seconds before the year 10000")
    subject = claims["sub"]
    # PostgreSQL cannot store NUL and lone surrogates.
    if not subject or "\0" in subject or any("\ud800" <= char <= "\udfff" for char in subject):
        raise InvalidJwt("sub must be a non-empty text without NUL and lone surrogates")
    scopes_of(claims)


def scopes_of(claims: dict[str, Any]) -> list[str]:
    """Return the values of the claim ``scope``; raises InvalidJwt.

    It is a string of words (RFC 8693, section 4.2); some issuers send a list of strings.
    """
    scope = claims.get("scope", "")
    if isinstance(scope, str):
        return scope.split()
    if isinstance(scope, list) and all(isinstance(value, str) for value in scope):
        return scope
    raise InvalidJwt("scope must be a string or a list of strings")
