"""How long a revoked API token still works. Everything else refers to this module.

A process caches a valid token for CREDENTIAL_CACHE_S, so new requests with a revoked token fail
after 5 s at the latest. An open subscription checks its token every ACCESS_CHECK_INTERVAL_S
through the same cache: in the worst case a check uses an entry that is about to expire, and the
next check closes the subscription, 10 s after the revocation. The duration of the lookup is
added to these times. While the database is unreachable, open subscriptions stay open; the first
check after the outage closes them.
"""

__all__ = ["ACCESS_CHECK_INTERVAL_S", "CREDENTIAL_CACHE_S", "REVOCATION_DELAY_S"]

CREDENTIAL_CACHE_S = 5.0
ACCESS_CHECK_INTERVAL_S = 5.0
# The longest time from a revocation until the token no longer works anywhere.
REVOCATION_DELAY_S = CREDENTIAL_CACHE_S + ACCESS_CHECK_INTERVAL_S
