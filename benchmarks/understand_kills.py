"""kill -9 at random moments of an analysis whose segments are paid for.

`reel understand` describes a video of many segments by a model behind HTTP, which counts: what is
asked under a new Idempotency-Key is paid for, also where whoever asked is dead before the answer
comes; what is asked under a known one is answered again, as OpenAI's own API does not promise but
gateways do. The command, or something that it started, is killed again and again, and begun again
by the same words. Counted are segments that were paid for twice, and segments that are missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.kill9 import children
from benchmarks.measure import ROOT, Row, Size, environment, reel
from benchmarks.media import ffmpeg

_SHOTS = 24
_SHOT_S = 20  # as long as a segment that is described at once
_ANSWER_S = (0.02, 0.3)
_LIMIT_S = 600.0


class Counting:
    """A model behind OpenAI's wire format. `paid`: by what was asked, how often it was paid for."""

    def __init__(self, answer_s: tuple[float, float] = _ANSWER_S) -> None:
        self._answer_s = answer_s
        self.paid: Counter[str] = Counter()
        self.without_key = 0
        self._answers: dict[str, bytes] = {}
        self._running: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def answer(self, key: str | None, body: dict[str, Any]) -> bytes:
        asked = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()
        if key is None:
            self.without_key += 1
            key = secrets.token_hex(8)
        with self._lock:
            known = self._running.get(key)
            if known is None:
                done = self._running[key] = threading.Event()
                self.paid[asked] += 1
        if known is not None:
            known.wait(_LIMIT_S)
            return self._answers[key]
        time.sleep(random.uniform(*self._answer_s))
        self._answers[key] = made = json.dumps(_completion(asked, body)).encode()
        done.set()
        return made


def _completion(asked: str, body: dict[str, Any]) -> dict[str, Any]:
    lists: dict[str, list[str]] = {"shown": [], "people": [], "actions": [], "text": []}
    told = {"description": f"segment {asked}", "setting": "", "tags": ["colour"], **lists}
    message: dict[str, Any] = {"role": "assistant", "content": json.dumps(told)}
    finish = "stop"
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        function = {"name": name, "arguments": json.dumps(told)}
        calls = [{"id": "call_1", "type": "function", "function": function}]
        message, finish = {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960},
    }


class _Handler(BaseHTTPRequestHandler):
    counting: Counting
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        # Whoever asks may be killed while it asks, or before the answer comes.
        with suppress(ConnectionError):
            wanted = int(self.headers.get("content-length", 0))
            raw = self.rfile.read(wanted)
            if len(raw) < wanted:
                self.close_connection = True
                return
            self._reply(self.counting.answer(self.headers.get("idempotency-key"), json.loads(raw)))

    def _reply(self, answer: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@contextmanager
def provider(answer_s: float | None = None) -> Iterator[tuple[Counting, str]]:
    """It, and its address. `answer_s`: how long each answer takes; None: some tenths."""
    counting = Counting() if answer_s is None else Counting((answer_s, answer_s))
    handler = type("Handler", (_Handler,), {"counting": counting})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield counting, f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Findings:
    """What went wrong; `twice`, `missing` and `wrong` empty is the bar."""

    kills: int = 0
    rounds: int = 0
    videos: int = 0
    segments: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "benchmark": "understand-kills",
            "kills": self.kills,
            "rounds": self.rounds,
            "videos": self.videos,
            "segments": self.segments,
            "victims": dict(self.victims),
            "twice": self.twice,
            "missing": self.missing,
            "wrong": self.wrong,
            "ok": not (self.twice or self.missing or self.wrong),
        }


class Victim:
    """Videos in one home, each disturbed until it is understood."""

    def __init__(self, folder: Path, kills: int, shots: int = _SHOTS) -> None:
        self.folder, self.kills, self.shots = folder, kills, shots
        self.found = Findings()

    def measure(self) -> Findings:
        with provider() as (counting, url):
            env = environment(
                {
                    "REEL_HOME": str(self.folder / "home"),
                    "REEL_MODELS__VISION": "openai:counting",
                    "REEL_MODELS__OPENAI_URL": url,
                    "REEL_RETRY__BACKOFF_S": "0.05",
                }
            )
            while self.found.videos == 0 or self.found.kills < self.kills:
                self._video(counting, env)
        return self.found

    def _video(self, counting: Counting, env: dict[str, str]) -> None:
        self.found.videos += 1
        video = self.folder / f"video{self.found.videos}.mp4"
        make_video(video, self.shots, seed=self.found.videos)
        counting.paid.clear()
        words = ["understand", str(video), "--only", "descriptions", "--json"]
        is_done = False
        while not is_done:
            is_done = self._round(words, env, counting)
        self._check(video, counting)

    def _round(self, words: list[str], env: dict[str, str], counting: Counting) -> bool:
        """Whether it came to its end."""
        self.found.rounds += 1
        is_disturbed = self.found.kills < self.kills
        process = subprocess.Popen(
            reel(*words), env=env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if is_disturbed:
            self._wait(process, counting)
            if process.returncode is None and self._kill(process):
                process.communicate()
                return False
        out, err = process.communicate(timeout=_LIMIT_S)
        if process.returncode == 0:
            return True
        if not is_disturbed:
            said = f"{out.decode()[-500:]} {err.decode()[-500:]}"
            self.found.wrong.append(f"it ended with {process.returncode}: {said}")
            return True
        return False  # something that it needs was killed more often than it puts up with

    def _wait(self, process: subprocess.Popen[bytes], counting: Counting) -> None:
        """Until some random moment: mostly one while the model is asked, else any from the start
        on; or until its end."""
        more, after_s = random.randint(1, 6), random.uniform(0.0, 0.4)
        if random.random() < 0.25:
            more, after_s = 0, random.uniform(0.2, 8.0)
        wanted = sum(counting.paid.values()) + more
        while process.poll() is None and sum(counting.paid.values()) < wanted:
            time.sleep(0.005)
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s)

    def _kill(self, process: subprocess.Popen[bytes]) -> bool:
        """The command, or one of those that it started; whether it was the command."""
        others = children(process.pid)
        is_other = bool(others) and random.random() < 0.3
        pid = random.choice(others) if is_other else process.pid
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.found.kills += 1
        self.found.victims["child" if is_other else "reel"] += 1
        return not is_other

    def _check(self, video: Path, counting: Counting) -> None:
        """Each segment was paid for once, and what was paid for is there."""
        name = video.name
        self.found.segments += len(counting.paid)
        told = self._descriptions(video)
        self.found.twice += [
            f"{name}: {k[:8]} {n} times" for k, n in counting.paid.items() if n > 1
        ]
        if counting.without_key:
            self.found.wrong.append(f"{name}: {counting.without_key} asks without a key")
        expected = {f"segment {asked}" for asked in counting.paid}
        if set(told) != expected or len(told) != self.shots:
            self.found.missing.append(
                f"{name}: {len(told)} of {self.shots} segments are there, {len(expected)} were paid"
            )

    def _descriptions(self, video: Path) -> list[str]:
        sha256 = hashlib.sha256(video.read_bytes()).hexdigest()
        query = "SELECT body FROM analyses WHERE subject = ? AND kind = 'descriptions'"
        with closing(sqlite3.connect(self.folder / "home" / "reelwright.db")) as database:
            row = database.execute(query, (f"file:{sha256}",)).fetchone()
        if row is None:
            return []
        body = json.loads(row[0])
        entries = body if isinstance(body, list) else body["descriptions"]
        return [entry["description"] for entry in entries]


def make_video(path: Path, shots: int, seed: int) -> None:
    """Shots of `_SHOT_S` at 5 frames a second, each of a colour of its own with something that
    moves in it."""
    chooser = random.Random(seed)
    parts, names = [], ""
    for number in range(shots):
        luma = 40 + 170 * (number % 2) + chooser.randint(-15, 15)
        hue = f"cb={chooser.randint(30, 220)}:cr={chooser.randint(30, 220)}"
        part = f"color=gray:s=128x72:r=5:d={_SHOT_S},geq=lum='{luma}+20*sin(X/3+N/5)':{hue}"
        parts.append(f"{part},format=yuv420p[s{number}]")
        names += f"[s{number}]"
    graph = ";".join(parts) + f";{names}concat=n={shots}"
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
    ffmpeg("-f", "lavfi", "-i", graph, *encode, path)


def understand_kills(size: Size) -> list[Row]:
    """50 kills at the full size."""
    kills = max(2, min(50, size.kills // 4))
    argv = [sys.executable, "-m", "benchmarks.understand_kills", "--kills", str(kills)]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)
    bad = [f"{kind}: {what}" for kind in ("twice", "missing", "wrong") for what in found[kind]]
    facts = {k: found[k] for k in ("kills", "rounds", "videos", "segments", "victims", "seed")}
    facts |= {kind: len(found[kind]) for kind in ("twice", "missing", "wrong")}
    name = f"kill -9 of an analysis with a counting provider, {kills} times"
    return [Row(name, 0, len(bad), "faults", 1.0, facts, tuple(b[:400] for b in bad[:20]))]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--shots", type=int, default=_SHOTS)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="reel-understand-kills-") as folder:
        found = Victim(Path(folder), options.kills, options.shots).measure()
    print(json.dumps({**found.to_json(), "seed": options.seed}))
    return 0 if found.to_json()["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
