import pytest

from app.config.urls import HIDDEN, has_user, is_loopback, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:b@h/d", f"postgresql://a:{HIDDEN}@h/d"),
        ("postgresql://a:b:c@d@h:1/d", f"postgresql://a:{HIDDEN}@h:1/d"),
        ("postgresql://a@h/d?sslmode=require", "postgresql://a@h/d?sslmode=require"),
        ("postgresql:///d?host=/run/pg&user=a", "postgresql:///d?host=/run/pg&user=a"),
        ("postgresql:///d?sslpassword=b", f"postgresql:///d?sslpassword={HIDDEN}"),
        ("postgresql://[broken:b@h", f"postgresql://[broken:{HIDDEN}@h"),
        ("postgresql://a:b@h1:1,h2:2/d", f"postgresql://a:{HIDDEN}@h1:1,h2:2/d"),
        ("postgresql://h/d?options=-c%20x=b", f"postgresql://h/d?options={HIDDEN}"),
        ("postgresql://h/d?PassWord=b&SSLMODE=require&new=b", None),
        ("postgresql://a:b#c@h/d", f"postgresql://{HIDDEN}"),
        ("postgresql://a:1#c@h/d", f"postgresql://{HIDDEN}"),
        ("postgresql://a:1/c@h/d", f"postgresql://{HIDDEN}"),
        ("postgresql://a:1?c@h/d", f"postgresql://{HIDDEN}"),
        ("postgresql://a:b@c/d@h/d", f"postgresql://{HIDDEN}"),
        ("https://b@ops.example/api", f"https://{HIDDEN}@ops.example/api"),
        ("https://a:b@ops.example/api", f"https://{HIDDEN}@ops.example/api"),
        ("https://ops.example/keys?key=b", f"https://ops.example/keys?key={HIDDEN}"),
        ("redis://:b@h:1/0", f"redis://{HIDDEN}@h:1/0"),
        ("redis://h/0?password=b&x", f"redis://h/0?password={HIDDEN}&x"),
        ("memory://", "memory://"),
        ("b", HIDDEN),
    ],
)
def test_without_secrets_hides_secrets_in_any_part_of_a_url(url: str, shown: str | None) -> None:
    expected = shown or f"postgresql://h/d?PassWord={HIDDEN}&SSLMODE=require&new={HIDDEN}"
    assert without_secrets(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://u@h", True),
        ("http://u:p@h/a", True),
        ("http://h/a@b", False),
        ("http://h?a@b", False),
        ("http://h", False),
    ],
)
def test_has_user(url: str, *, expected: bool) -> None:
    assert has_user(url) is expected


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
