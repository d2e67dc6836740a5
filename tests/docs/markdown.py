"""Markdown pages: fenced blocks, headings with their anchors, and links."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "Page"]

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"(?:^[ ]*<!--[ ]*(?P<comment>(?:(?!-->).)*?)[ ]*-->\n+)?"
    r"^(?P<indent>[ ]*)(?P<fence>```+)(?P<info>[^\n`]*)\n"
    r"(?P<text>.*?)"
    r"^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_COMMENT = re.compile(r"(not run|run by|from|file|replaced in tests): (.*)", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.*?) *#*$", re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_HTML_LINK = re.compile(r"\b(?:src|href|srcset)=\"([^\"]+)\"")
_HTML_ANCHOR = re.compile(r"\b(?:id|name)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, with the comment above it that says how it is tested."""

    line: int
    language: str
    # The words after the language, such as "output".
    options: tuple[str, ...]
    text: str
    # "not run", "run by", "from", "file" or "replaced in tests"; empty without such a comment.
    treatment: str = ""
    # The text after the colon: a reason, a path or a name.
    argument: str = ""


@dataclass(frozen=True)
class Page:
    """A Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        """The path from the project's folder."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The whole file."""
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """All fenced blocks, in order."""
        return [self._block(found) for found in _FENCE.finditer(self.text)]

    def _block(self, found: re.Match[str]) -> Block:
        language, *options = found["info"].split() or [""]
        treated = _COMMENT.fullmatch(found["comment"] or "")
        treatment, argument = treated.groups() if treated else ("", "")
        return Block(
            line=self.text.count("\n", 0, found.start("fence")) + 1,
            language=language,
            options=tuple(options),
            text=re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            treatment=treatment,
            argument=" ".join(argument.split()),
        )

    @cached_property
    def prose(self) -> str:
        """The file without fenced blocks, comments and inline code."""
        text = re.sub(r"<!--.*?-->", "", _FENCE.sub("", self.text), flags=re.DOTALL)
        return re.sub(r"`[^`\n]*`", "", text)

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """The level and the text of each heading."""
        text = _FENCE.sub("", self.text)
        return [(len(signs), title) for signs, title in _HEADING.findall(text)]

    @cached_property
    def links(self) -> list[str]:
        """The targets of all links and images."""
        return _LINK.findall(self.prose) + _HTML_LINK.findall(self.prose)

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors that can be linked to: headings as GitHub names them, and explicit ids."""
        titles = (title for _, title in self.headings)
        return {*_slugs(titles), *_HTML_ANCHOR.findall(_FENCE.sub("", self.text))}


def _slugs(titles: Iterator[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for title in titles:
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


PAGES = [Page(path) for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")))]
