"""Words in rows, drawn where a curve would be."""

from labkit import panels
from labkit.pictures import Table


def test_every_word_is_on_the_sheet_and_no_axis():
    picture = Table("t", "Passport", ("", "relu", "gelu"), (("gain", "1.414", "1.534"), ("kinks", "1", "0")),
                    note="relu is sure")  # fmt: skip
    (axes,) = panels.explore_figure([picture]).axes
    (drawn,) = axes.tables
    words = {at: cell.get_text().get_text() for at, cell in drawn.get_celld().items()}
    assert words[0, 2] == "gelu" and words[1, 1] == "1.414" and words[2, 0] == "kinks"
    (said,) = [text for text in axes.texts if text.get_text()]
    assert said.get_text() == "relu is sure" and said.xy[1] == 0 and said.get_va() == "top", "below its cells"
    assert len(words) == 9 and not axes.axison and axes.get_title() == "Passport"
