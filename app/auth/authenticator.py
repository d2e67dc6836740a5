"""The gate: from the headers of a request to its caller."""

import asyncio
import logging
import time
from collections import OrderedDict

import orjson
from starlette.types import Scope

from app.auth.jwt import InvalidJwt, JwtVerifier
from app.auth.rate_limit import Allowance, RateLimit
from app.auth.revocation import CREDENTIAL_CACHE_S
from app.auth.tokens import PREFIX, find_token
from app.config.settings import Settings
from engine.database.errors import DatabaseUnavailable
from resolvers.context import Caller
from schema.access import SCOPES

__all__ = ["Authenticator", "TooManyFailures", "Unauthenticated", "address_of"]

# Where access is open, nobody is known and everybody may do everything.
ANYONE = Caller(name=None, scopes=SCOPES)
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


class TooManyFailures(Exception):
    """So many credentials from one address were not good that others of it must wait."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__("Too many credentials from this address were not good; wait some seconds.")
        self.retry_after_s = retry_after_s


class Authenticator:
    """Lets callers in, or not."""

    def __init__(self, settings: Settings, rate_limit: RateLimit) -> None:
        self._is_open = settings.auth == "off"
        self._jwts = JwtVerifier(settings)
        self._limit = rate_limit
        # The credentials that were good when they were last looked at, and until when that will do.
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def caller_of(self, scope: Scope) -> Caller:
        """Return who makes a request.

        Raises Unauthenticated, TooManyFailures, KeysUnavailable where a JWT cannot be checked
        now, and what the database raises.
        """
        if self._is_open:
            return ANYONE
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        if not credentials:
            raise Unauthenticated(given=False)
        scheme, _, token = credentials[0].decode("latin-1").partition(" ")
        if len(credentials) > 1 or scheme.lower() != "bearer":
            raise Unauthenticated(given=True)
        token = token.strip()
        known = self._known.get(token)
        if known is None:
            return await self._meet(token, address_of(scope))
        return known[1] if time.monotonic() < known[0] else await self._check(token)

    async def _meet(self, token: str, address: str) -> Caller:
        """Look at a credential that was not good before, as far as its address may guess."""
        failures = f"failures:{address}"
        if token.startswith(PREFIX):
            # Before the database is asked. A good JWT asks nobody, and need not wait.
            _refuse_guessing(await self._limit.look(failures))
        try:
            return await self._check(token)
        except Unauthenticated:
            _refuse_guessing(await self._limit.spend(failures))
            raise

    async def _check(self, token: str) -> Caller:
        """Return whose a credential is, and keep it in mind while it is good."""
        try:
            good_for_s, caller = await self._look_up(token)
        except Unauthenticated:
            self._known.pop(token, None)
            raise
        self._known[token] = (time.monotonic() + min(good_for_s, CREDENTIAL_CACHE_S), caller)
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
            left_s = CREDENTIAL_CACHE_S
            if found.expires_at is not None:
                left_s = found.expires_at.timestamp() - time.time()
            scopes = frozenset(orjson.loads(found.scopes))
            return left_s, Caller(found.name, scopes, counted_as=f"token:{found.name}")
        try:
            claims = await self._jwts.claims(token)
        except InvalidJwt as error:
            _logger.info("a JWT was refused: %s", error)
            raise Unauthenticated(given=True) from None
        name = claims["sub"][:_NAME_MAX_LENGTH]
        scopes = SCOPES.intersection(str(claims.get("scope", "")).split())
        return claims["exp"] - time.time(), Caller(name, scopes, counted_as=f"jwt:{name}")


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from; none is known of a Unix socket."""
    client = scope.get("client")
    return client[0] if client else ""


def _refuse_guessing(failures: Allowance | None) -> None:
    if failures is not None and failures.is_used_up:
        raise TooManyFailures(retry_after_s=failures.reset_s)


# As long as the columns that keep who did a thing.
_NAME_MAX_LENGTH = 200
