import pytest

from app.config.urls import HIDDEN, is_loopback, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:b@h/d", f"postgresql://a:{HIDDEN}@h/d"),
        ("postgresql://a:b:c@d@h:1/d", f"postgresql://a:{HIDDEN}@h:1/d"),
        ("postgresql://a@h/d?sslmode=require", "postgresql://a@h/d?sslmode=require"),
        ("postgresql:///d?host=/run/pg&user=a", "postgresql:///d?host=/run/pg&user=a"),
        ("postgresql:///d?sslpassword=b", f"postgresql:///d?sslpassword={HIDDEN}"),
        ("postgresql://[broken:b@h", HIDDEN),
    ],
)
def test_without_password_hides_passwords_in_any_part_of_a_url(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("::", False),
        ("a.example", False),
    ],
)
def test_is_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected
