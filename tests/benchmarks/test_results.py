import xml.etree.ElementTree as ET

from tests.benchmarks.plot import bars
from tests.benchmarks.rounds import Spread, ratio, spread
from tests.benchmarks.tables import shown, table


def test_rounds_are_told_by_their_median_and_extremes() -> None:
    assert spread([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)


def test_a_ratio_compares_round_by_round() -> None:
    """The machine was twice as slow in the second round, for both."""
    assert ratio([10.0, 20.0], [20.0, 40.0]) == Spread(0.5, 0.5, 0.5)


def test_a_number_has_as_many_digits_as_mean_something() -> None:
    assert shown(Spread(104.2, 99.6, 110.0)) == "104 (100 to 110)"
    assert shown(Spread(10.23, 10.23, 10.23)) == "10.2"
    assert shown(Spread(0.512, 0.5, 0.52)) == "0.51 (0.50 to 0.52)"
    assert shown(None) == "-"


def test_a_table_is_markdown() -> None:
    assert (
        table(["", "a", "b"], {"x": ["1", "2"]}) == "|  | a | b |\n|---|---:|---:|\n| x | 1 | 2 |"
    )


def test_a_plot_is_well_formed_and_its_bars_are_in_proportion() -> None:
    plot = bars("CPU", "us", {"one & all": {"ours": 50.0, "<it>": 100.0}})
    drawing = ET.fromstring(plot)  # noqa: S314  # our own
    _, ours, theirs = drawing.findall("{*}rect")
    assert float(theirs.get("width", 0)) == 2 * float(ours.get("width", 0)) > 0
