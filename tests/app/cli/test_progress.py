"""The progress bar of commands that take long."""

import io
import re

from app.cli.progress import Progress


class Terminal(io.StringIO):
    """A stream that keeps what a terminal would show."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


def test_a_terminal_shows_the_number_the_rate_and_the_time_left() -> None:
    terminal = Terminal()
    with Progress("tickets", terminal) as progress:
        progress.show(250_000, 1_000_000)
    assert re.search(
        r" 250,000 of 1,000,000 tickets, [\d,]+ a second, \d+ s left", terminal.getvalue()
    )
    # The line is erased at the end.
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_at_the_start_neither_rate_nor_time_are_known() -> None:
    terminal = Terminal()
    with Progress("tickets", terminal) as progress:
        progress.show(0, 1_000)
    assert " 0 of 1,000 tickets\r" in terminal.getvalue()


def test_nothing_is_drawn_on_another_stream() -> None:
    stream = io.StringIO()
    with Progress("tickets", stream) as progress:
        progress.show(1, 2)
    assert stream.getvalue() == ""
