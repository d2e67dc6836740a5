"""JSON Web Tokens (RFC 7519) of somebody we trust: one shared secret, or a set of public keys."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import jwt

from app.auth.key_set import KeySet
from app.config.settings import Settings

__all__ = ["InvalidJwt", "JwtVerifier"]

# Pinned, as those of public keys are: a token does not choose how it is checked.
_SECRET_ALGORITHMS = ["HS256"]
_LEEWAY_S = 30
# The end of the year 9999: what ends later is no time that can be reckoned with.
_LATEST_S = 253_402_300_799


class InvalidJwt(Exception):
    """The token is not good; why is for the log, not for who sent it."""


class JwtVerifier:
    """Checks tokens as the settings say."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = monotonic) -> None:
        self._secret = settings.jwt_secret
        url = settings.jwt_jwks_url
        self._keys = None if url is None else KeySet(url, clock=clock)
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a good token; raises InvalidJwt and KeysUnavailable.

        Good means: signed by our key with a pinned algorithm, with a subject that can be
        written down, not expired, not from the future, of our issuer and for our audience
        where those are set.
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
            raise InvalidJwt(f"{type(error).__name__}: {error}") from error
        _check(claims)
        return claims

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._secret is not None:
            return self._secret, _SECRET_ALGORITHMS
        if self._keys is None:
            raise InvalidJwt("neither JWT_SECRET nor JWT_JWKS_URL is set")
        key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise InvalidJwt("no key of the set has this kid")
        return key, [key.algorithm_name]


def _check(claims: dict[str, Any]) -> None:
    """Look at what the library takes and we cannot; raises InvalidJwt."""
    # RFC 7519, section 2: a number, while the library takes the text of one, too.
    if not isinstance(claims["exp"], (int, float)) or claims["exp"] > _LATEST_S:
        raise InvalidJwt("exp is no time")
    subject = claims["sub"]
    # Rows and logs keep it: no NUL there, and no half of a surrogate pair.
    if not subject or "\0" in subject or any("\ud800" <= sign <= "\udfff" for sign in subject):
        raise InvalidJwt("sub is no text that can be kept")
