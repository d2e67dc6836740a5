"""`.env` in every form in which it can be written, and unreadable."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.config.dotenv_file import read_dotenv
from app.config.errors import SettingError

NAMES = {"PORT", "HOST", "OPS_TOKEN", "DATABASE_URL"}


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    """Return the path of a file that does not exist."""
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", {}),
        (b"\n# a comment\n  # another\n", {}),
        (b"PORT=1\nHOST=::1", {"PORT": "1", "HOST": "::1"}),
        (b"PORT=1\r\nHOST=::1\r\n", {"PORT": "1", "HOST": "::1"}),
        (b"PORT=1\rHOST=::1\r", {"PORT": "1", "HOST": "::1"}),
        (b"\xef\xbb\xbfPORT=1\n", {"PORT": "1"}),
        (b"export PORT=1\n  export\tHOST = ::1  \n", {"PORT": "1", "HOST": "::1"}),
        (b"PORT=1 # a comment\nOPS_TOKEN=a#b\n", {"PORT": "1", "OPS_TOKEN": "a#b"}),
        (b'OPS_TOKEN=\'a b\' # c\nHOST="x\\"y"\n', {"OPS_TOKEN": "a b", "HOST": 'x"y'}),
        (b"OPS_TOKEN=it's\n", {"OPS_TOKEN": "it's"}),
        (b"OPS_TOKEN=a${HOME}$b\n", {"OPS_TOKEN": "a${HOME}$b"}),
        (b"PORT=\nHOST=''\n", {"PORT": "", "HOST": ""}),
        (b"PORT=1\nPORT=1\n", {"PORT": "1"}),
        (b"UNKNOWN\nKEY='-----BEGIN\nabc=\n-----END'\n", {"KEY": "-----BEGIN\nabc=\n-----END"}),
        ("HOST=bücher\n".encode(), {"HOST": "bücher"}),
    ],
)
def test_the_values_of_a_file(dotenv: Path, content: bytes, values: dict[str, str]) -> None:
    dotenv.write_bytes(content)
    assert read_dotenv(dotenv, NAMES) == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'PORT=1\n\nOPS_TOKEN="s3cret\n', "line 3 of .*: it is not NAME=VALUE"),
        (b"OPS_TOKEN='s3cret\n", "line 1"),
        (b"OPS_TOKEN='s3cret'more\n", "line 1"),
        (b"OPS_TOKEN='s3cret''\n", "line 1"),
        (b'OPS_TOKEN="s3cret\nDATABASE_URL="postgresql://h"\n', "line 1"),
        (b'OPS_TOKEN="s3cret\nDATABASE_URL="\n', "line 1 of .* contains DATABASE_URL"),
        (b'OTHER="s3cret\nexport PORT=1\n"\n', "line 1 of .* contains PORT"),
        (b'OPS_TOKEN="s3cret\n"\n', "line 1 of .* contains a line break"),
        (b"PORT: s3cret\n", "line 1"),
        (b"s3cret and more\n", "line 1"),
        (b"=s3cret\n", "line 1"),
        (b"PORT\nHOST=s3cret\n", "Line 1 of .* has no value for PORT"),
        (b"export PORT\n", "Line 1 of .* has no value for PORT"),
        (b"PORT=1\nHOST=x\nPORT=s3cret\n", "sets PORT twice, in lines 1 and 3"),
        (b"OPS_TOKEN=s3cret\0\n", "contains NUL"),
        ("PORT=1\n".encode("utf-16"), "not UTF-8"),
        (b"OPS_TOKEN=s3cret\xff\n", "not UTF-8"),
    ],
)
def test_a_file_with_an_error_is_refused_without_its_content(
    dotenv: Path, content: bytes, message: str
) -> None:
    dotenv.write_bytes(content)
    with pytest.raises(SettingError, match=message) as refused:
        read_dotenv(dotenv, NAMES)
    assert "s3cret" not in f"{refused.value}{refused.value.hint}"
    assert "\n" not in str(refused.value)
    assert refused.value.hint


def test_no_file(dotenv: Path) -> None:
    assert read_dotenv(dotenv, NAMES) == {}


def test_an_unusable_file_is_refused(dotenv: Path) -> None:
    dotenv.mkdir()
    with pytest.raises(SettingError, match="Is a directory") as refused:
        read_dotenv(dotenv, NAMES)
    assert "that this user can read" in refused.value.hint
    dotenv.rmdir()
    dotenv.symlink_to("missing")
    with pytest.raises(SettingError, match="links to is missing"):
        read_dotenv(dotenv, NAMES)
    dotenv.unlink()
    dotenv.symlink_to(".env")
    with pytest.raises(SettingError, match=r"[Ss]ymbolic links"):
        read_dotenv(dotenv, NAMES)


def test_a_file_without_permission_is_refused(dotenv: Path) -> None:
    dotenv.write_text("PORT=1\n", "utf-8")
    dotenv.chmod(0)
    code = "import sys; from app.config.dotenv_file import *; from pathlib import Path; "
    code += "from app.errors import CommandError\n"
    code += "try: read_dotenv(Path('.env'), {'PORT'})\nexcept CommandError as e: print(e)"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os, sys; sys.path.insert(0, {str(Path.cwd())!r})\n"
            "import dotenv, dotenv.parser, app.config.dotenv_file\n"
            "if os.geteuid() == 0: os.setuid(65534)\n" + code,
        ],
        cwd=dotenv.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Cannot read .env: Permission denied.\n", done.stderr


def test_a_pipe_is_read_once(dotenv: Path) -> None:
    os.mkfifo(dotenv)
    writer = threading.Thread(target=dotenv.write_text, args=("PORT=1\n", "utf-8"))
    writer.start()
    assert read_dotenv(dotenv, NAMES) == {"PORT": "1"}
    writer.join()
