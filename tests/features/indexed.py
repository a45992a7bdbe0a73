"""What searches of tests find: small texts, and a video with words that the test itself says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reelwright.app.settings import load
from reelwright.app.understand import spoken
from reelwright.app.wiring import App
from reelwright.store import documents
from reelwright.store.documents import NewDocument
from reelwright.store.jobs import LOCAL_OWNER
from reelwright.store.passages import NewPassage
from tests.cli.reel import Done, reel

GUIDE = """# The farm

Machines render frames at night.

## Disks

A frame takes nine megabytes on the disk. Old frames are deleted after thirty days.
"""
NOTES = "Tea is in the cupboard.\n\nThe kettle is blue.\n"
CODE = 'def render(frame: int) -> str:\n    """Draws one frame."""\n    return f"frame {frame}"\n'


def write_texts(folder: Path) -> Path:
    """``farm.md``, ``notes.txt`` and ``src/render.py`` below ``texts``."""
    texts = folder / "texts"
    (texts / "src").mkdir(parents=True)
    (texts / "farm.md").write_text(GUIDE)
    (texts / "notes.txt").write_text(NOTES)
    (texts / "src" / "render.py").write_text(CODE)
    return texts


def found(*query: str, cwd: Path) -> list[dict[str, object]]:
    """The hits of `reel search --json`."""
    done = reel("search", *query, "--json", cwd=cwd)
    assert done.code == 0, (done.out, done.err)
    hits: list[dict[str, object]] = done.json["hits"]
    return hits


def names(hits: list[dict[str, object]]) -> list[str]:
    """The names of the files that were hit, each once, the best first."""
    return list(dict.fromkeys(Path(str(hit["path"])).name for hit in hits))


def index(*arguments: str, cwd: Path) -> Done:
    """`reel index`, by words alone: embedding takes seconds."""
    done = reel("index", *arguments, "--no-embed", "--json", cwd=cwd)
    assert done.code == 0, (done.out, done.err)
    return done


def put_video(path: Path, *said: tuple[float, float, str], title: str = "talk") -> str:
    """Indexes what is said in a file (from, to, text), as `reel understand` would; its subject."""
    passages = [
        NewPassage(kind="speech", text=text, start_s=start_s, end_s=end_s, language="en")
        for start_s, end_s, text in said
    ]
    return _put(path, passages, title)


def _put(path: Path, passages: list[NewPassage], title: str) -> str:
    subject = f"file:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    document = NewDocument(
        owner=LOCAL_OWNER, subject=subject, kind="file", title=title, path=str(path), language="en"
    )
    with App(load()) as app:
        app.store.transact(lambda tx: documents.put(tx, document, passages))
    return subject


def put_speech(path: Path, *said: tuple[float, str], title: str = "talk") -> str:
    """As `put_video`, of what was transcribed: sentences from a time (seconds) on, half a second a
    word, so that each word has its time."""
    words = [
        {"text": word, "start": at + n * 0.5, "end": at + (n + 1) * 0.5}
        for at, sentence in said
        for n, word in enumerate(sentence.split())
    ]
    drafts = spoken.passages({"language": "en", "words": words})
    passages = [
        NewPassage(
            kind=one.kind,
            text=one.text,
            start_s=one.start_s,
            end_s=one.end_s,
            language=one.language,
            evidence=one.evidence,
        )
        for one in drafts
    ]
    return _put(path, passages, title)
