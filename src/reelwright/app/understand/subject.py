"""Which video it is that something was found in: an asset of the library, or a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.store import assets, jobs, probes, steps
from reelwright.store.jobs import LOCAL_OWNER

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow
    from reelwright.store.database import Tx

_FETCH = "fetch:"
_MANY = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`name` is ``asset:ID`` or ``file:SHA256``, `sha256` the content's. `path` is where a file
    stood; an asset says that itself. `info`: what the site said of an asset."""

    name: str
    owner: str
    sha256: str
    title: str
    path: str | None = None
    duration_s: float | None = None
    asset: AssetRow | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asset_id(self) -> str | None:
        return None if self.asset is None else self.asset.id


def find(app: App, job_id: str, source: str | None, owner: str | None) -> Subject:
    """The video behind `source` of the job: the name of an input (``clips[2]``: of a glob), or
    ``fetch:NODE``. A file that the library holds is its asset. Blocking.

    Raises PLAN_INVALID where the job has no such source, ASSET_UNKNOWN.
    """
    if source is None:
        raise ReelError(Code.PLAN_INVALID, "what is to be indexed is of no video", where=job_id)
    owner = owner or LOCAL_OWNER
    with app.store.read() as tx:
        found = _fetched if source.startswith(_FETCH) else _input
        path, sha256, asset_id, title = found(tx, job_id, source)
        asset = _asset(tx, asset_id, owner, sha256)
        if asset is not None:
            return Subject(
                name=f"asset:{asset.id}",
                owner=owner,
                sha256=sha256,
                title=asset.title,
                duration_s=asset.duration_s or _duration(tx, app, sha256),
                asset=asset,
                info=assets.info(tx, asset.id),
            )
        return Subject(
            name=f"file:{sha256}",
            owner=owner,
            sha256=sha256,
            title=title or Path(path or sha256[:12]).stem,
            path=path,
            duration_s=_duration(tx, app, sha256),
        )


def _asset(tx: Tx, asset_id: str | None, owner: str, sha256: str) -> AssetRow | None:
    if asset_id is not None:
        return assets.get(tx, asset_id)
    return next(iter(assets.with_content(tx, owner, sha256)), None)


_Found = tuple[str | None, str, str | None, str | None]


def _input(tx: Tx, job_id: str, source: str) -> _Found:
    """Path, content, asset, title."""
    from reelwright.app.request import Kept, parse
    from reelwright.spec.inputs import asset_ref, upload_ids

    job = jobs.get(tx, job_id)
    kept = Kept.from_json(job.spec)
    many = _MANY.fullmatch(source)
    name = many[1] if many else source
    entry = kept.inputs.get(name)
    if entry is None:
        raise ReelError(Code.PLAN_INVALID, f"the job has no input '{name}'", where=job_id)
    path, sha256 = entry[int(many[2])] if many else entry
    uri = parse(kept, Path(job.base)).inputs[name].uri
    ref = asset_ref(uri)
    # An upload's place in the service says nothing to anybody.
    shown = None if upload_ids(uri) else str(path)
    return shown, sha256, None if ref is None else ref.asset_id, None


def _fetched(tx: Tx, job_id: str, source: str) -> _Found:
    result = steps.results(tx, job_id)[source.removeprefix(_FETCH)]
    info = result.get("info") or {}
    return result.get("url"), result["media"]["sha256"], None, info.get("title")


def _duration(tx: Tx, app: App, sha256: str) -> float | None:
    from reelwright.media.info import MediaInfo

    known = probes.get(tx, sha256, app.prober)
    duration = None if known is None else MediaInfo.from_json(known).duration
    return None if duration is None else float(duration)
