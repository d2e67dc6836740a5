"""A plot as SVG: for each operation a panel of bars, shorter is better."""

from collections.abc import Mapping, Sequence
from html import escape

# Told apart also by those who do not see all colours (Okabe and Ito).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#999999", "#56b4e9")
_COLUMNS = 2
_WIDTH, _GAP = 460, 30
_LABEL_WIDTH, _VALUE_WIDTH = 170, 50
_BAR, _TITLE, _TOP = 18, 26, 44


def bars(title: str, unit: str, panels: Mapping[str, Mapping[str, float]]) -> str:
    """Return a plot of values by panel and name; each panel has a scale of its own."""
    names = list(dict.fromkeys(name for values in panels.values() for name in values))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
    height = _TITLE + len(names) * _BAR + _GAP
    rows = -(-len(panels) // _COLUMNS)
    width = _COLUMNS * (_WIDTH + _GAP) + _GAP
    parts = [_text(_GAP, 26, f"{title}, {unit}", size=16, weight="bold")]
    for place, (panel, values) in enumerate(panels.items()):
        left = _GAP + place % _COLUMNS * (_WIDTH + _GAP)
        top = _TOP + place // _COLUMNS * height
        parts += _panel(left, top, panel, values, colours)
    total = _TOP + rows * height
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" '
                f'width="{width}" height="{total}" role="img" font-family="sans-serif">'
            ),
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{total}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        )
    )


def _panel(
    left: int, top: int, title: str, values: Mapping[str, float], colours: Mapping[str, str]
) -> Sequence[str]:
    longest = _WIDTH - _LABEL_WIDTH - _VALUE_WIDTH
    scale = longest / max(values.values())
    parts = [_text(left, top + 18, title, size=13, weight="bold")]
    for place, (name, value) in enumerate(values.items()):
        y = top + _TITLE + place * _BAR
        bar = max(1.0, value * scale)
        parts += [
            _text(left + _LABEL_WIDTH - 6, y + 13, name, anchor="end"),
            (
                f'<rect x="{left + _LABEL_WIDTH}" y="{y + 2}" width="{bar:.1f}" '
                f'height="{_BAR - 4}" fill="{colours[name]}"/>'
            ),
            _text(left + _LABEL_WIDTH + bar + 5, y + 13, f"{value:,.0f}"),
        ]
    return parts


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'
    )
