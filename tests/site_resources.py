"""What the test site holds, and how an answer of it may go wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, ClassVar, Literal

_SLICE_BYTES = 1 << 18
# Any fixed moment does: what counts is that it differs after a change.
FIRST_MODIFIED_S = 1_704_067_200  # 2024-01-01


@dataclass(frozen=True, slots=True)
class Zeros:
    """A body of zeros that takes no room."""

    size_bytes: int


Body = bytes | Path | Zeros


@dataclass(frozen=True, slots=True)
class Resource:
    """One answer as a good server gives it. `etag`, `modified_s`: None, none is sent."""

    body: Body = b""
    content_type: str = "application/octet-stream"
    status: int = 200
    etag: str | None = None
    modified_s: float | None = FIRST_MODIFIED_S
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = True
    obeys_if_range: bool = True
    states_length: bool = True

    @property
    def size_bytes(self) -> int:
        if isinstance(self.body, Path):
            return self.body.stat().st_size
        return self.body.size_bytes if isinstance(self.body, Zeros) else len(self.body)

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for part in self.read(0, self.size_bytes):
            digest.update(part)
        return digest.hexdigest()

    @property
    def last_modified(self) -> str | None:
        return None if self.modified_s is None else formatdate(self.modified_s, usegmt=True)

    def read(self, start: int, end: int, slice_bytes: int = _SLICE_BYTES) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in slices."""
        if isinstance(self.body, Path):
            with self.body.open("rb") as file:
                file.seek(start)
                while start < end and (part := file.read(min(slice_bytes, end - start))):
                    start += len(part)
                    yield part
            return
        for at in range(start, end, slice_bytes):
            until = min(at + slice_bytes, end)
            yield self.body[at:until] if isinstance(self.body, bytes) else bytes(until - at)


def resource(body: Body | str, content_type: str, **more: Any) -> Resource:
    """With an ETag made of its content."""
    body = body.encode() if isinstance(body, str) else body
    made = Resource(body, content_type, **more)
    if "etag" in more:
        return made
    if isinstance(body, bytes):
        return replace(made, etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"')
    return replace(made, etag=f'"{made.size_bytes:x}-{content_type}"')


def changed(old: Resource) -> Resource:
    """Another video of the same length under the same address, newer and with another ETag."""
    if not isinstance(old.body, bytes):
        raise TypeError("only what is in memory is changed; add another resource instead")
    middle = len(old.body) // 2
    body = old.body[:middle] + bytes(255 - b for b in old.body[middle:])
    modified_s = None if old.modified_s is None else old.modified_s + 86_400
    made = resource(body, old.content_type, modified_s=modified_s, headers=old.headers)
    return made if old.etag is not None else replace(made, etag=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `path` is without the query; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    at_s: float  # time.monotonic()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a resource goes out. `cut_after_bytes` counts the body's bytes of this answer."""

    resource: Resource
    bytes_per_s: float | None = None
    cut_after_bytes: int | None = None
    cut: Literal["close", "reset", "stall"] = "close"
    is_silent: bool = False  # not even a status is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`times`: for so many requests of the path, then it is over; None: for ever."""

    times: int | None = None
    is_harmless: ClassVar[bool] = False

    @property
    def heals(self) -> bool:
        """Whether who tries again, or waits long enough, gets the whole file in the end."""
        return self.is_harmless or self.times is not None

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """An error status: 401, 403, 404, 410, 429, 451, 500, 503 …"""

    status: int = 503
    retry_after: int | str | None = None  # seconds, or an HTTP date

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = f"<html><title>{self.status}</title><h1>{self.status}</h1></html>".encode()
        refusal = Resource(body, "text/html", self.status, modified_s=None, headers=wait)
        return replace(delivery, resource=refusal)


@dataclass(frozen=True, slots=True)
class Guarded(Fault):
    """Only who sends `header` with a value that holds `value` gets it, others get `status`."""

    header: str = "cookie"
    value: str = ""
    status: int = 403

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        if self.value in asked.headers.get(self.header.lower(), "\0"):
            return delivery
        return Refuse(self.status).apply(delivery, asked)


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    bytes_per_s: float = 10_000.0
    is_harmless: ClassVar[bool] = True

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(delivery, bytes_per_s=self.bytes_per_s)


@dataclass(frozen=True, slots=True)
class Truncated(Fault):
    """The answer promises all its bytes, sends `after_bytes` of them and ends in good order."""

    after_bytes: int = 1000

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(delivery, cut_after_bytes=self.after_bytes, cut="close")


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """The connection is reset after `after_bytes` of the body."""

    after_bytes: int = 1000

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(delivery, cut_after_bytes=self.after_bytes, cut="reset")


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Nothing more comes after `after_bytes` (None: no answer at all), and the connection stays
    until the client, or the site, goes."""

    after_bytes: int | None = 1000

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        silent = self.after_bytes is None
        return replace(
            delivery, cut_after_bytes=self.after_bytes or 0, cut="stall", is_silent=silent
        )


@dataclass(frozen=True, slots=True)
class Changed(Fault):
    """Another video of the same size is there now, with another ETag and a later date."""

    is_harmless: ClassVar[bool] = True

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(delivery, resource=changed(delivery.resource))


@dataclass(frozen=True, slots=True)
class Redirect(Fault):
    """`to` None: to the same address again, without end."""

    to: str | None = None
    status: int = 302

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        there = {"Location": self.to or asked.path}
        return replace(
            delivery, resource=Resource(b"", "text/html", self.status, None, None, there)
        )


@dataclass(frozen=True, slots=True)
class Typed(Fault):
    """The right bytes under another content type."""

    content_type: str = "text/html"
    is_harmless: ClassVar[bool] = True

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(
            delivery, resource=replace(delivery.resource, content_type=self.content_type)
        )


@dataclass(frozen=True, slots=True)
class Other(Fault):
    """Other bytes, by default a web page that calls itself a video."""

    body: Body = b"<html><title>Sorry</title><p>Not here.</p></html>"
    content_type: str = "video/mp4"

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        return replace(delivery, resource=resource(self.body, self.content_type))


@dataclass(frozen=True, slots=True)
class Huge(Fault):
    """Zeros without an end in sight, and a Content-Length that says so."""

    size_bytes: int = 1 << 40

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        kind = delivery.resource.content_type
        return replace(delivery, resource=resource(Zeros(self.size_bytes), kind))


@dataclass(frozen=True, slots=True)
class Plain(Fault):
    """A poorer server. `ranges`, `validators` (ETag and Last-Modified), `if_range` and `length`
    False: it knows nothing of them."""

    ranges: bool = True
    validators: bool = True
    if_range: bool = True
    length: bool = True
    is_harmless: ClassVar[bool] = True

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        made = replace(
            delivery.resource,
            ranges=self.ranges,
            obeys_if_range=self.if_range,
            states_length=self.length,
        )
        if not self.validators:
            made = replace(made, etag=None, modified_s=None)
        return replace(delivery, resource=made)


@dataclass(frozen=True, slots=True)
class Together(Fault):
    """Several at once: `Together((Slow(20_000), Reset(5_000)), times=1)`."""

    faults: tuple[Fault, ...] = ()

    def apply(self, delivery: Delivery, asked: Asked) -> Delivery:
        for fault in self.faults:
            delivery = fault.apply(delivery, asked)
        return delivery
