"""How long a revoked or expired credential still works. Everything else refers to this module.

A process caches a valid credential for CREDENTIAL_CACHE_S, so new requests with a revoked token
fail after 5 s at the latest. An open subscription checks its credential every
ACCESS_CHECK_INTERVAL_S through the same cache: in the worst case a check uses an entry that
is about to expire, and the next check closes the subscription, 10 s after the revocation.
While the database is unreachable, open subscriptions stay open; the first check after the
outage closes them. The time that the lookup of a token takes is added to these figures.
"""

__all__ = ["ACCESS_CHECK_INTERVAL_S", "CREDENTIAL_CACHE_S", "REVOCATION_DELAY_S"]

CREDENTIAL_CACHE_S = 5.0
ACCESS_CHECK_INTERVAL_S = 5.0
# The longest time from a revocation until the token no longer works anywhere.
REVOCATION_DELAY_S = CREDENTIAL_CACHE_S + ACCESS_CHECK_INTERVAL_S
