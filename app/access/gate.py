"""The gate: from the headers of a request to its caller."""

import asyncio
import logging
import time
from collections import OrderedDict

import orjson
from starlette.types import Scope

from app.access.jwt import InvalidJwt, JwtVerifier
from app.access.tokens import PREFIX, find_token
from app.settings import Settings
from engine.database import DatabaseUnavailable
from resolvers.context import Caller
from schema.access import SCOPES

__all__ = ["Gate", "Unauthenticated"]

# Where access is open, nobody is known and everybody may do everything.
ANYONE = Caller(name=None, scopes=SCOPES)
# How long a credential that was found good is not looked at again. A revoked token
# has ended well within the minute that is promised.
_KEPT_S = 5.0
_KEPT = 10_000
# The time of a request has not begun yet, and a subscription's watch has none.
_LOOK_UP_TIMEOUT_S = 5.0

_logger = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """Access is required, and the credential is missing (``given`` is false) or not good."""

    def __init__(self, *, given: bool) -> None:
        super().__init__(
            "The credential is not valid, or has expired."
            if given
            else "Access is required: send an API token or a JWT as Authorization: Bearer."
        )
        self.given = given

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate header (RFC 6750, section 3)."""
        return 'Bearer error="invalid_token"' if self.given else "Bearer"


class Gate:
    """Lets callers in, or not."""

    def __init__(self, settings: Settings) -> None:
        self._is_open = settings.auth == "off"
        self._jwts = JwtVerifier(settings)
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def caller_of(self, scope: Scope) -> Caller:
        """Return who makes a request; raises Unauthenticated and what the database raises."""
        if self._is_open:
            return ANYONE
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        if not credentials:
            raise Unauthenticated(given=False)
        scheme, _, token = credentials[0].decode("latin-1").partition(" ")
        if len(credentials) > 1 or scheme.lower() != "bearer":
            raise Unauthenticated(given=True)
        return await self.caller_with(token.strip())

    async def caller_with(self, token: str) -> Caller:
        """Return who has a token, be it ours or a JWT; raises as `caller_of` does."""
        if self._is_open:
            return ANYONE
        known = self._known.get(token)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        good_for_s, caller = await self._look_up(token)
        self._known[token] = (time.monotonic() + min(good_for_s, _KEPT_S), caller)
        self._known.move_to_end(token)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return caller

    async def _look_up(self, token: str) -> tuple[float, Caller]:
        """Return how many seconds a credential is still good, and whose it is.

        Raises Unauthenticated and DatabaseUnavailable.
        """
        if token.startswith(PREFIX):
            try:
                async with asyncio.timeout(_LOOK_UP_TIMEOUT_S):
                    found = await find_token(token)
            except TimeoutError as error:
                raise DatabaseUnavailable("no token could be looked up") from error
            if found is None:
                raise Unauthenticated(given=True)
            left_s = _KEPT_S
            if found.expires_at is not None:
                left_s = found.expires_at.timestamp() - time.time()
            return left_s, Caller(found.name, frozenset(orjson.loads(found.scopes)))
        try:
            claims = await self._jwts.claims(token)
        except InvalidJwt as error:
            _logger.info("a JWT was refused: %s", error)
            raise Unauthenticated(given=True) from None
        scopes = str(claims.get("scope", "")).split()
        return claims["exp"] - time.time(), Caller(
            str(claims["sub"])[:_NAME_MAX_LENGTH], SCOPES.intersection(scopes)
        )


# As long as the columns that keep who did a thing.
_NAME_MAX_LENGTH = 200
