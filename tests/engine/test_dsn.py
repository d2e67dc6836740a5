"""URLs of a database: each parameter of libpq is used, or refused with what to do instead."""

import ctypes
import os
import subprocess

import pytest

from app.database.programs import find_programs
from engine.database.dsn import DsnError, Host, parse_dsn
from engine.database.fixed_settings import FIXED_SETTINGS

# Parameters of libpq 18 that a URL can have (PostgreSQL, section 34.1.2), and a value of each that
# changes nothing; None for those that are refused whatever their value.
PARAMETERS = {
    "host": "db",
    "hostaddr": None,
    "port": "5432",
    "dbname": "d",
    "user": "u",
    "password": "p",
    "passfile": "/nowhere",
    "require_auth": None,
    "channel_binding": "prefer",
    "connect_timeout": "3",
    "client_encoding": "auto",
    "options": "-c work_mem=8MB",
    "application_name": "a",
    "fallback_application_name": "a",
    "keepalives": "1",
    "keepalives_idle": "0",
    "keepalives_interval": "0",
    "keepalives_count": "0",
    "tcp_user_timeout": "0",
    "replication": "false",
    "gssencmode": "prefer",
    "sslmode": "prefer",
    "sslnegotiation": "postgres",
    "sslcompression": "0",
    "sslcert": "/nowhere",
    "sslkey": "/nowhere",
    "sslkeylogfile": None,
    "sslpassword": "p",
    "sslcertmode": "allow",
    "sslrootcert": "/nowhere",
    "sslcrl": "/nowhere",
    "sslcrldir": None,
    "sslsni": "1",
    "requirepeer": None,
    "ssl_min_protocol_version": "TLSv1.2",
    "ssl_max_protocol_version": "TLSv1.3",
    "min_protocol_version": "3.0",
    "max_protocol_version": "latest",
    "krbsrvname": "postgres",
    "gsslib": "gssapi",
    "gssdelegation": "0",
    "scram_client_key": None,
    "scram_server_key": None,
    "service": None,
    "servicefile": None,
    "target_session_attrs": "read-write",
    "load_balance_hosts": "disable",
    "oauth_issuer": None,
    "oauth_client_id": None,
    "oauth_client_secret": None,
    "oauth_scope": None,
}


class ConninfoOption(ctypes.Structure):
    """A parameter as libpq's function PQconndefaults returns it."""

    _fields_ = (
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val")),
        ("label", ctypes.c_char_p),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    )


def libpq_parameters() -> set[str]:
    """Return the names of all parameters of the libpq that the embedded PostgreSQL has."""
    library = max((find_programs().parent / "lib").glob("libpq*.[0-9]*"))
    libpq = ctypes.CDLL(str(library))
    libpq.PQconndefaults.restype = ctypes.POINTER(ConninfoOption)
    names: set[str] = set()
    for option in libpq.PQconndefaults():
        if option.keyword is None:
            return names
        names.add(option.keyword.decode())
    raise AssertionError


def test_the_list_is_that_of_libpq() -> None:
    # The latter is new in version 19.
    assert libpq_parameters() | {"servicefile"} == set(PARAMETERS)


@pytest.mark.parametrize(("name", "value"), PARAMETERS.items())
def test_a_parameter_is_used_or_refused_by_its_name(name: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(DsnError, match=rf"\b{name}\b"):
            parse_dsn(f"postgresql:///?{name}=s3cret")
    else:
        target = parse_dsn(f"postgresql:///?{name}={value}")
        # What is not a setting must not reach PostgreSQL as one.
        assert set(target.settings) <= {"application_name", "options"}


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("h1:5433,h2:5434", (Host("h1", 5433), Host("h2", 5434))),
        ("h1,h2:5434", (Host("h1", None), Host("h2", 5434))),
        ("[::1]:5433,[2001:db8::1]", (Host("::1", 5433), Host("2001:db8::1", None))),
        ("%2Frun%2Fpostgresql", (Host("/run/postgresql", None),)),
        ("%2Frun%2Fpostgresql:5433", (Host("/run/postgresql", 5433),)),
        ("", ()),
    ],
)
def test_hosts_before_the_path(hosts: str, expected: tuple[Host, ...]) -> None:
    assert parse_dsn(f"postgresql://u:p@{hosts}/d").hosts == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("host=h1,h2&port=5433,5434", (Host("h1", 5433), Host("h2", 5434))),
        ("host=h1,h2&port=5433", (Host("h1", 5433), Host("h2", 5433))),
        ("host=::1", (Host("::1", None),)),
        ("host=/run/postgresql&port=5433", (Host("/run/postgresql", 5433),)),
    ],
)
def test_hosts_as_parameters(query: str, expected: tuple[Host, ...]) -> None:
    assert parse_dsn(f"postgresql:///d?{query}").hosts == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://h/d", "begin with postgresql://"),
        ("postgresql://h1,,h2/d", "empty or invalid host"),
        ("postgresql://u:p@ss@h/d", "%40"),
        ("postgresql://h:0/d", "port"),
        ("postgresql://h:65536/d", "port"),
        ("postgresql://h:x/d", "port"),
        ("postgresql:///d?host=h1,h2,h3&port=1,2", "2 ports for 3 hosts"),
        ("postgresql://h/d?host=other", "twice"),
        ("postgresql://u:100%@h/d", "%25"),
        ("postgresql://h/d?sslmode", "without a value"),
        ("postgresql://h/d?=x", "without a name"),
        ("postgresql://h/d?connect_timeout=soon", "whole number"),
        ("postgresql://h/d?target_session_attrs=standby", "read-write"),
        ("postgresql://h/d?target_session_attrs=prefer-standby", "read-write"),
        ("postgresql://h/d?target_session_attrs=writable", "must be one of"),
        ("postgresql://h/d?load_balance_hosts=yes", "disable or random"),
        ("postgresql://h/d?client_encoding=latin1", "UTF8"),
        ("postgresql://h/d?channel_binding=require", "channel binding"),
        ("postgresql://h/d?gssencmode=require", "sslmode"),
        ("postgresql://h/d?sslrootcert=system&sslmode=require", "verify-full"),
        ("postgresql://h/d?statement_timeout=5s", "REQUEST_TIMEOUT_MS"),
        ("postgresql://h/d?TimeZone=Europe/Berlin", "TimeZone"),
        ("postgresql://h/d?options=-c%20timezone=Europe/Berlin", "timezone"),
        ("postgresql://h/d?options=--lock-timeout=1s", "lock_timeout"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(DsnError, match=message) as refused:
        parse_dsn(url)
    assert "p@ss" not in str(refused.value)


def test_settings_of_the_session_are_passed_on_unless_the_service_sets_them() -> None:
    target = parse_dsn("postgresql://h/d?search_path=app,public&work_mem=8MB&timezone=utc")
    assert target.settings == {
        "search_path": "app,public",
        "work_mem": "8MB",
        "timezone": "utc",
        "application_name": "ticketops",
    }
    for name, setting in FIXED_SETTINGS.items():
        with pytest.raises(DsnError, match=name):
            parse_dsn(f"postgresql://h/d?{name}={setting.value}1")


@pytest.mark.parametrize(
    ("query", "attributes"),
    [
        ("", "any"),
        ("?target_session_attrs=primary", "primary"),
        ("?target_session_attrs=any", "any"),
    ],
)
def test_one_host_is_used_as_it_is(query: str, attributes: str) -> None:
    assert parse_dsn(f"postgresql://h/d{query}").session_attrs == attributes


def test_of_several_hosts_the_one_that_accepts_changes_is_used() -> None:
    assert parse_dsn("postgresql://h1,h2/d").session_attrs == "read-write"


def test_credentials_keep_their_special_characters() -> None:
    target = parse_dsn("postgresql://u%40x:p%23%2F%3F+&%25@h/d%20b")
    assert target.dsn == "postgresql://?user=u%40x&password=p%23%2F%3F%2B%26%25&dbname=d%20b"


def test_psql_reads_the_same_hosts_from_a_url() -> None:
    """Of each host that refuses the connection, psql names the address and the port."""
    url = "postgresql://u@127.0.0.1:1,[::1]:2/d?connect_timeout=2"
    done = subprocess.run(
        [find_programs() / "psql", url, "-c", "SELECT 1"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
    )
    assert [str(host) for host in parse_dsn(url).hosts] == ["127.0.0.1:1", "[::1]:2"]
    assert "port 1 failed" in done.stderr
    assert "port 2 failed" in done.stderr
