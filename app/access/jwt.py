"""JSON Web Tokens (RFC 7519) of somebody we trust: one shared secret, or a set of public keys."""

import asyncio
import time
from typing import Any

import httpx2
import jwt

from app.settings import Settings

__all__ = ["InvalidJwt", "JwtVerifier"]

# Pinned: a token does not choose how it is checked, but among those of its kind of key.
_SECRET_ALGORITHMS = ["HS256"]
_PUBLIC_KEY_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
_LEEWAY_S = 30
# How long a set of keys is good, and how often at most it is fetched for an unknown key.
_KEYS_TTL_S = 600.0
_KEYS_MIN_AGE_S = 10.0
_KEYS_TIMEOUT_S = 5.0
_KEYS_MAX_BYTES = 262_144


class InvalidJwt(Exception):
    """The token is not good; why is for the log, not for who sent it."""


class JwtVerifier:
    """Checks tokens as the settings say; fetches public keys when they are needed."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.jwt_secret
        self._url = settings.jwt_jwks_url
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = -_KEYS_TTL_S
        self._fetching = asyncio.Lock()

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a good token; raises InvalidJwt.

        Good means: signed by our key with a pinned algorithm, with a subject, not
        expired, not from the future, of our issuer and for our audience where those
        are set.
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
        return claims

    async def _key(self, token: str) -> tuple[Any, list[str]]:
        if self._secret is not None:
            return self._secret, _SECRET_ALGORITHMS
        if self._url is None:
            raise InvalidJwt("neither JWT_SECRET nor JWT_JWKS_URL is set")
        kid = jwt.get_unverified_header(token).get("kid")
        age_s = time.monotonic() - self._fetched_at
        if age_s > _KEYS_TTL_S or (kid not in self._keys and age_s > _KEYS_MIN_AGE_S):
            await self._fetch_keys()
        key = self._keys.get(kid)
        if key is None:
            raise InvalidJwt("no key of the set has this kid")
        algorithm = key.algorithm_name
        if algorithm not in _PUBLIC_KEY_ALGORITHMS:
            raise InvalidJwt(f"keys for {algorithm} are not accepted")
        return key, [algorithm]

    async def _fetch_keys(self) -> None:
        asked_at = time.monotonic()
        async with self._fetching:
            if self._fetched_at > asked_at:
                return
            try:
                async with httpx2.AsyncClient(timeout=_KEYS_TIMEOUT_S) as client:
                    response = await client.get(str(self._url))
                    response.raise_for_status()
                    if len(response.content) > _KEYS_MAX_BYTES:
                        raise InvalidJwt("the set of keys is too large")
                    keys = jwt.PyJWKSet.from_dict(response.json()).keys
            except (httpx2.HTTPError, ValueError, jwt.PyJWTError) as error:
                # The keys that are known stay good until they are replaced.
                raise InvalidJwt(f"the keys could not be fetched: {error}") from error
            self._keys = {key.key_id: key for key in keys}
            self._fetched_at = time.monotonic()
