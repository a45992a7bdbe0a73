"""A library of as many assets as one wants, written straight into the database: no videos behind
it, but rows as keeping makes them, and captions whose words are as common and as rare as ours."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from reelwright.store.ids import new_id
from reelwright.store.store import Store
from reelwright.store.tables_library import asset_files, assets, caption_passages

_BATCH = 1000
_WORDS, _CHANNELS = 30_000, 500
_PASSAGE_WORDS = (40, 80)  # half a minute of speech
_BEGAN_S = 1_600_000_000
_SYLLABLES = [a + b for a, b in itertools.product("bdfgklmnprstvz", ("a", "e", "i", "o", "u"))]
LOCAL = "local"


@dataclass
class Vocabulary:
    """The n-th word comes up in proportion to 1/n (Zipf), as in any language."""

    words: Sequence[str] = field(default_factory=lambda: _words(_WORDS))
    weights: list[float] = field(
        default_factory=lambda: list(itertools.accumulate(1 / n for n in range(1, _WORDS + 1)))
    )

    def text(self, chance: random.Random, count: int) -> str:
        return " ".join(chance.choices(self.words, cum_weights=self.weights, k=count))


def _words(count: int) -> list[str]:
    """The most common ones are the shortest."""
    two = ("".join(pair) for pair in itertools.product(_SYLLABLES, repeat=2))
    three = ("".join(pair) for pair in itertools.product(_SYLLABLES, repeat=3))
    return list(itertools.islice(itertools.chain(two, three), count))


def fill(store: Store, count: int, passages: int, seed: int = 0) -> Vocabulary:
    """`count` assets of four files each and `passages` passages an asset."""
    chance, vocabulary = random.Random(seed), Vocabulary()
    for start in range(0, count, _BATCH):
        numbers = range(start, min(count, start + _BATCH))
        made = [_asset(number, chance, vocabulary) for number in numbers]
        with store.write() as tx:
            tx.run(sa.insert(assets), made)
            tx.run(sa.insert(asset_files), [file for row in made for file in _files(row)])
            said = [p for row in made for p in _passages(row, passages, chance, vocabulary)]
            if said:
                tx.run(sa.insert(caption_passages), said)
    return vocabulary


def _asset(number: int, chance: random.Random, vocabulary: Vocabulary) -> dict[str, Any]:
    channel, title = f"Channel {number % _CHANNELS}", vocabulary.text(chance, 6).capitalize()
    native_id = hashlib.sha256(str(number).encode()).hexdigest()[:11]
    folder = f"{channel}/20240101 - {title} [{native_id}]"
    return {
        "id": new_id(),
        "key": f"youtube www.youtube.com {native_id}",
        "owner": LOCAL,
        "extractor": "youtube",
        "host": "www.youtube.com",
        "native_id": native_id,
        "url": f"https://www.youtube.com/watch?v={native_id}",
        "title": title,
        "channel": channel,
        "channel_id": f"UC{number % _CHANNELS:022d}",
        "published_at": float(_BEGAN_S + 60 * number),
        "duration_s": 60.0 + number % 3600,
        "language": "en",
        "folder": folder,
        "folder_key": folder.casefold(),
        "state": "held",
        "sha256": hashlib.sha256(native_id.encode()).hexdigest(),
        "size_bytes": 50_000_000 + number,
        "info": _info(number, native_id, title, vocabulary.text(chance, 120)),
        "origin_state": "there",
        "created_at": float(_BEGAN_S + 60 * number),
        "changed_at": float(_BEGAN_S + 60 * number),
    }


def _info(number: int, native_id: str, title: str, description: str) -> dict[str, Any]:
    return {
        "extractor": "youtube",
        "native_id": native_id,
        "url": f"https://www.youtube.com/watch?v={native_id}",
        "host": "www.youtube.com",
        "title": title,
        "description": description,
        "channel": f"Channel {number % _CHANNELS}",
        "tags": [f"tag{number % 97}", f"tag{number % 89}"],
    }


def _files(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = row["folder"].rpartition("/")[2]
    kinds = (("video", ".mp4", None), ("captions", ".en.vtt", "en"), ("info", ".info.json", None),
             ("thumbnail", ".jpg", None))  # fmt: skip
    for role, suffix, language in kinds:
        yield {
            "asset_id": row["id"],
            "path": name + suffix,
            "version": 1,
            "role": role,
            "language": language,
            "kind": "human" if language else None,
            "format": suffix.rpartition(".")[2],
            "sha256": hashlib.sha256(f"{row['id']}{suffix}".encode()).hexdigest(),
            "size_bytes": row["size_bytes"] if role == "video" else 20_000,
            "mtime_ns": int(row["created_at"]) * 10**9,
            "state": "ok",
            "created_at": row["created_at"],
        }


def _passages(
    row: dict[str, Any], count: int, chance: random.Random, vocabulary: Vocabulary
) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {
            "asset_id": row["id"],
            "path": row["folder"].rpartition("/")[2] + ".en.vtt",
            "language": "en",
            "start_s": 30.0 * number,
            "end_s": 30.0 * (number + 1),
            "text": vocabulary.text(chance, chance.randint(*_PASSAGE_WORDS)),
        }


def questions(vocabulary: Vocabulary, count: int, seed: int = 1) -> list[str]:
    """A quarter each: a common word, a rare one, two words as they come, the beginning of one."""
    chance, words = random.Random(seed), vocabulary.words
    found = []
    for number in range(count):
        asked = (
            words[chance.randrange(50)],
            words[chance.randrange(1000, len(words))],
            vocabulary.text(chance, 2),
            f"{words[chance.randrange(50)]} {words[chance.randrange(200)]} {words[number]}",
        )
        found.append(asked[number % len(asked)])
    return found
