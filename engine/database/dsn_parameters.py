"""The parameters of libpq in the URL of a database: used, passed on to asyncpg, or refused.

asyncpg passes parameters that it does not know to the server as settings of the session, so that
each parameter of libpq must be in one of these tables (PostgreSQL, section 34.1.2).
"""

__all__ = ["ACCEPTED_VALUES", "PASSED_ON", "REFUSED", "REFUSED_PREFIXES", "USED"]

# Parameters that asyncpg uses as libpq does.
PASSED_ON = frozenset(
    {
        "user",
        "password",
        "dbname",
        "passfile",
        "sslmode",
        "sslnegotiation",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslrootcert",
        "sslcrl",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "krbsrvname",
        "gsslib",
    }
)
# Parameters that are used here.
USED = frozenset(
    {
        "host",
        "port",
        "connect_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "target_session_attrs",
        "load_balance_hosts",
        "application_name",
        "fallback_application_name",
        "client_encoding",
        "options",
    }
)
# Parameters that cannot be changed: the values that match the behaviour, and the reason.
ACCEPTED_VALUES = {
    "channel_binding": ({"disable", "prefer"}, "channel binding is not supported"),
    "gssencmode": ({"disable", "prefer"}, "GSSAPI encryption is not supported; use sslmode"),
    "gssdelegation": ({"0"}, "GSSAPI delegation is not supported"),
    "sslcompression": ({"0"}, "TLS compression is not supported"),
    "sslsni": ({"1"}, "the name of the host is always sent"),
    "sslcertmode": ({"allow"}, "a client certificate is sent if the server asks for it"),
    "min_protocol_version": ({"3.0"}, "version 3.0 of the protocol is used"),
    "max_protocol_version": ({"3.0", "3.2", "latest"}, "version 3.0 of the protocol is used"),
    "replication": ({"false", "off", "no", "0"}, "the service needs ordinary connections"),
}
REFUSED = {
    "hostaddr": "write the address as the host",
    "service": "write the parameters of the service into the URL",
    "servicefile": "write the parameters of the service into the URL",
    "require_auth": "allow the methods in pg_hba.conf, and use sslmode=verify-full",
    "requirepeer": "use a folder that only the server's account can write as the host",
    "sslcrldir": "use sslcrl with one file",
    "sslkeylogfile": "set the environment variable SSLKEYLOGFILE",
    "scram_client_key": "use the password",
    "scram_server_key": "use the password",
}
REFUSED_PREFIXES = {"oauth_": "use a password or a certificate"}
