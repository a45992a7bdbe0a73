"""Pages of HTML are read as a person reads them, as far as they go."""

from reelwright.analysis.html_text import split_html

PAGE = """<!doctype html>
<html><head><title>The farm</title><style>p {color: red}</style></head>
<body><nav>Home About</nav>
<h1>Machines</h1>
<p>They render<br>at night &amp; by day.</p>
<h2>Disks</h2>
<ul><li>first</li><li>second
</body>"""


def test_a_page_has_its_title_its_words_and_its_lines() -> None:
    found = split_html(PAGE)
    assert found.title == "The farm"
    text = "\n".join(piece.text for piece in found.pieces)
    assert "at night & by day." in text
    for silent in ("color", "Home"):
        assert silent not in text
    (piece,) = found.pieces
    assert (piece.first_line, piece.last_line) == (4, 7)
    assert piece.headings == ("Machines",)


def test_what_is_not_well_formed_is_read_as_far_as_it_goes() -> None:
    (piece,) = split_html("<p>one<p>two").pieces
    assert piece.text == "one\n\ntwo"
    assert split_html("").pieces == ()
    assert split_html("<h1>Only</h1>").title == "Only"
