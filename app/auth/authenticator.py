"""Authentication of requests by API token or JWT."""

import hashlib
import logging
import sys
import time

import orjson
from starlette.types import Scope

from app.auth.jwt import InvalidJwt, JwtVerifier, scopes_of
from app.auth.rate_limit import Allowance, RateLimit
from app.auth.revocation import CREDENTIAL_CACHE_S
from app.auth.token_lookups import TokenLookups
from app.auth.tokens import PREFIX, find_token
from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.config.settings import Settings
from engine.caches import LruCache, ValueUsage
from engine.database.shares import reserved
from resolvers.context import TOKEN_KIND, Caller
from schema.access import SCOPES

__all__ = ["Authenticator", "TooManyFailures", "Unauthenticated", "address_of"]

# The caller of every request while authentication is off.
ANONYMOUS = Caller(name=None, scopes=SCOPES)
# Measured: the memory of a cached credential without its text.
_ENTRY_BYTES = 2_000
# A longer credential is invalid without being verified, which would take milliseconds.
_MAX_CREDENTIAL_LENGTH = 8_192
# The length of the columns that store the name of a caller.
_MAX_NAME_LENGTH = 200

_logger = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """Authentication is required, and the credential is missing or invalid."""

    def __init__(
        self, *, is_missing: bool, is_malformed: bool = False, is_too_long: bool = False
    ) -> None:
        if is_too_long:
            message = (
                f"The credential has more than {_MAX_CREDENTIAL_LENGTH:,} characters, which is a"
                " fixed limit. Send a shorter one."
            )
        elif is_malformed:
            message = "Authorization must be sent once, as Bearer with an API token or a JWT."
        elif is_missing:
            message = (
                "Authentication is required. Send an API token or a JWT as Authorization: Bearer."
            )
        else:
            message = "The credential is invalid or has expired. Send another one."
        super().__init__(message)
        self.is_missing = is_missing

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate header (RFC 6750, section 3)."""
        return "Bearer" if self.is_missing else 'Bearer error="invalid_token"'


class TooManyFailures(Exception):
    """An address has sent too many invalid credentials and must wait."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            f"Too many invalid credentials from this address. Try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class Authenticator:
    """Returns the caller of a request, and caches valid credentials."""

    def __init__(self, settings: Settings, rate_limit: RateLimit) -> None:
        self._is_off = settings.auth == "off"
        self._jwts = JwtVerifier(settings)
        self._rate_limit = rate_limit
        # By credential: the time until which the entry is valid, and the caller.
        self._cache: LruCache[str, tuple[float, Caller]] = LruCache(
            "credentials", settings.cache_max_bytes
        )
        self._lookups = TokenLookups(_look_up_token)

    def known(self, scope: Scope) -> Caller | None:
        """Return the caller of a request whose credential is cached; else None.

        Then call `authenticate`. Raises Unauthenticated.
        """
        if self._is_off:
            return ANONYMOUS
        token = _credential(scope)
        # `authenticate` counts it if it is not cached.
        cached = self._cache.get(token) if token in self._cache else None
        return cached[1] if cached is not None and time.monotonic() < cached[0] else None

    async def authenticate(self, scope: Scope) -> Caller:
        """Return the caller of a request.

        Raises Unauthenticated, TooManyFailures, KeysUnavailable if a JWT cannot be verified
        at present, and database errors.
        """
        if self._is_off:
            return ANONYMOUS
        token = _credential(scope)
        cached = self._cache.get(token)
        if cached is None:
            return await self._verify_unknown(token, address_of(scope))
        if time.monotonic() < cached[0]:
            return cached[1]
        return await self._verify(token, address_of(scope), is_known=True)

    async def _verify_unknown(self, token: str, address: str) -> Caller:
        """Verify a credential that is not cached, and count failures by address."""
        failures = f"failures:{address}"
        if token.startswith(PREFIX):
            # Before the database is queried. A JWT needs no query, so a valid one is not refused.
            _refuse_guessing(await self._rate_limit.peek(failures))
        try:
            return await self._verify(token, address, is_known=False)
        except Unauthenticated:
            _refuse_guessing(await self._rate_limit.hit(failures))
            raise

    async def _verify(self, token: str, address: str, *, is_known: bool) -> Caller:
        """Return the caller of a credential, and cache it if it is valid."""
        try:
            valid_for_s, caller = await self._look_up(token, address, is_known=is_known)
        except Unauthenticated:
            self._cache.discard(token)
            raise
        valid_until = time.monotonic() + min(valid_for_s, CREDENTIAL_CACHE_S)
        usage = ValueUsage(_ENTRY_BYTES + sys.getsizeof(token))
        self._cache.put(token, (valid_until, caller), usage)
        return caller

    async def _look_up(self, token: str, address: str, *, is_known: bool) -> tuple[float, Caller]:
        """Return for how many seconds a credential is still valid, and its caller.

        Raises Unauthenticated and DatabaseUnavailable.
        """
        if token.startswith(PREFIX):
            return await self._lookups.find(token, address, is_known=is_known)
        try:
            claims = await self._jwts.claims(token)
        except InvalidJwt as error:
            fields = {"reason": str(error)}
            UNAUTHENTICATED_LINES.log(
                _logger, logging.INFO, "jwt rejected", fields, address=address
            )
            raise Unauthenticated(is_missing=False) from None
        subject: str = claims["sub"]
        caller = Caller(
            subject[:_MAX_NAME_LENGTH],
            SCOPES.intersection(scopes_of(claims)),
            identity=_identity("jwt", subject),
        )
        return claims["exp"] - time.time(), caller


def _credential(scope: Scope) -> str:
    """Return the API token or JWT of a request; raises Unauthenticated."""
    headers = [value for name, value in scope["headers"] if name == b"authorization"]
    if not headers:
        raise Unauthenticated(is_missing=True)
    value: bytes = headers[0]
    scheme, _, token = value.decode("latin-1").partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated(is_missing=False, is_malformed=True)
    token = token.strip()
    if len(token) > _MAX_CREDENTIAL_LENGTH:
        raise Unauthenticated(is_missing=False, is_too_long=True)
    return token


async def _look_up_token(token: str) -> tuple[float, Caller]:
    with reserved():
        found = await find_token(token)
    if found is None:
        raise Unauthenticated(is_missing=False)
    valid_for_s = CREDENTIAL_CACHE_S if found.valid_for_s is None else found.valid_for_s
    name = found.token.name
    scopes = frozenset(orjson.loads(found.token.scopes))
    return valid_for_s, Caller(name, scopes, identity=_identity(TOKEN_KIND, name))


def _identity(kind: str, name: str) -> str:
    """Return a text of limited length that no other kind or name has."""
    if len(name) <= _MAX_NAME_LENGTH:
        return f"{kind}:{name}"
    return f"{kind}-sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def address_of(scope: Scope) -> str:
    """Return the address of a request's client; empty for a Unix socket."""
    client = scope.get("client")
    return client[0] if client else ""


def _refuse_guessing(failures: Allowance | None) -> None:
    if failures is not None and failures.is_exceeded:
        raise TooManyFailures(retry_after_s=failures.reset_s)
