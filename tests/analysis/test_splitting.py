"""Passages of texts: whole, in order, with their lines and headings, none too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.splitting import Form, split

GUIDE = """---
title: The farm
---

Front words.

# Setting up

First you need a machine. {long}

## Disks

They hold what was rendered. {long}

```sh
# this is no heading

reel run talk.yaml
```

Other
=====

Setext words. {long}
""".format(long="More is said here of it, and at length. " * 8)


def test_markdown_goes_by_headings_and_keeps_code_whole() -> None:
    found = split(GUIDE, Form.MARKDOWN)
    assert found.title == "The farm"
    by_heading = {piece.headings: piece for piece in found.pieces}
    assert set(by_heading) == {(), ("Setting up", "Disks"), ("Other",)}
    disks = by_heading["Setting up", "Disks"]
    assert "# this is no heading\n\nreel run talk.yaml" in disks.text
    lines = GUIDE.splitlines()
    for piece in found.pieces:
        first = piece.text.splitlines()[0]
        assert lines[piece.first_line - 1].startswith(first.split(". ")[0])
        assert lines[piece.last_line - 1].strip()


def test_a_title_is_the_first_heading_where_there_is_no_front_matter() -> None:
    assert split("# A *title* #\nwords", Form.MARKDOWN).title == "A *title*"
    assert split("no heading", Form.MARKDOWN).title is None
    assert split("Words\n-----\n\nmore", Form.MARKDOWN).title == "Words"


def test_restructured_text_goes_by_underlines() -> None:
    text = "=====\nGuide\n=====\n\n" + "Intro words. " * 30 + "\n\nPart\n----\n\n" + "More. " * 60
    found = split(text, Form.RST)
    assert found.title == "Guide"
    assert [piece.headings for piece in found.pieces] == [("Guide",), ("Guide", "Part")]


CODE = '''"""Module words."""

import os

LIMIT = 3
{pad}

# What this does.
@decorated
def render(frame):
    """Draws a frame."""
    return frame * LIMIT
{pad}


class Farm:
    """Machines."""

    def add(self, machine):
        self.machines.append(machine)
{pad}
'''.format(pad="\n".join(f"    value_{n} = {n} * 1000" for n in range(20)))


def test_code_goes_by_definitions_with_their_comments() -> None:
    pieces = split(CODE, Form.CODE).pieces
    (render,) = [piece for piece in pieces if "def render" in piece.text]
    assert render.text.startswith("# What this does.\n@decorated\ndef render")
    assert render.headings == ("render",)
    (add,) = [piece for piece in pieces if "def add" in piece.text]
    assert add.headings[0] == "Farm"
    assert CODE.splitlines()[render.first_line - 1] == "# What this does."


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pub(crate) async fn fetch_all() {", "fetch_all"),
        ("export default function draw(x) {", "draw"),
        ("func Serve(w http.ResponseWriter) {", "Serve"),
        ("public static class Player {", "Player"),
        ("CREATE TABLE jobs (", "jobs"),
    ],
)
def test_definitions_of_other_languages(line: str, name: str) -> None:
    (piece,) = split(line + "\n" + "  body;\n" * 50, Form.CODE).pieces
    assert piece.headings == (name,)


def test_small_sections_go_together() -> None:
    text = "".join(f"# H{n}\n\nshort {n}\n\n" for n in range(40))
    pieces = split(text, Form.MARKDOWN).pieces
    assert len(pieces) < 10
    assert all(len(piece.text) > 200 for piece in pieces[:-1])


def test_a_long_paragraph_is_cut_at_sentences_and_overlaps_by_one() -> None:
    text = " ".join(f"Sentence number {n} says a little more." for n in range(100))
    pieces = split(text, Form.TEXT).pieces
    assert len(pieces) > 3
    assert all(piece.text.endswith(".") for piece in pieces)
    for one, following in pairwise(pieces):
        assert one.text.split(". ")[-1].rstrip(".") == following.text.split(". ")[0].rstrip(".")
    assert {(piece.first_line, piece.last_line) for piece in pieces} == {(1, 1)}


def test_a_text_without_any_end_is_cut_all_the_same() -> None:
    assert [len(p.text) for p in split("x" * 5000, Form.TEXT).pieces] == [900] * 5 + [500]
    assert split("", Form.TEXT).pieces == ()
    assert split("---\n***\n", Form.MARKDOWN).pieces == ()


@given(
    st.lists(st.text(alphabet="ab .#`=-\n\t", max_size=400), max_size=12).map("\n".join),
    st.sampled_from(Form),
)
def test_every_word_is_in_a_passage_and_none_is_too_long(text: str, form: Form) -> None:
    pieces = split(text, form).pieces
    lines = text.splitlines()
    for piece in pieces:
        assert 1 <= piece.first_line <= piece.last_line <= len(lines)
        assert len(piece.text) <= 2500
    told = "".join("".join(piece.text.split()) for piece in pieces)
    for word in {word for line in lines for word in line.split() if word.isalpha()}:
        assert word[:400] in told
