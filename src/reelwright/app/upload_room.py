"""How much of the disk uploads that are announced may keep from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.store import uploads

if TYPE_CHECKING:
    from reelwright.app.settings_sections import Serve
    from reelwright.store.database import Tx

# An upload of which nothing came for so long has no room kept any more. It may go on all the same:
# its parts then take what there is.
AWAKE_S = 3600.0
_HINT = "send the rest of your unfinished uploads, or delete them (`GET /v1/uploads` lists them)"


def check_room(tx: Tx, owner: str, serve: Serve, size_bytes: int, free_bytes: int) -> None:
    """Whether an upload of `size_bytes` may begin, where `free_bytes` of the disk are free.

    Whoever announces many uploads and sends nothing must not take the disk from everybody else: an
    owner has so many unfinished ones (`serve.unfinished_uploads`), and keeps no more than a part
    (`serve.upload_share`) of what is free; a single one that fits may take all of it. Raises
    QUOTA_EXCEEDED, DISK_FULL.
    """
    keep_s = serve.upload_hours * 3600.0
    promised = uploads.promised(tx, owner, tx.now() + keep_s - AWAKE_S)
    limit = serve.unfinished_uploads
    if promised.count >= limit:
        raise ReelError(
            Code.QUOTA_EXCEEDED,
            f"'{owner}' has {promised.count} unfinished uploads; {limit} are allowed",
            hint=_HINT,
            evidence={"limit": limit},
        )
    room = max(0, free_bytes - promised.all_bytes)
    if size_bytes > room:
        raise ReelError(
            Code.DISK_FULL,
            f"{size_bytes} bytes do not fit: {room} are free that are kept for no other upload",
            where="disk",
            hint="have space freed on the server, or send a smaller file; then begin again",
        )
    share = int((room + promised.own_bytes) * serve.upload_share)
    if promised.own_bytes and promised.own_bytes + size_bytes > share:
        raise ReelError(
            Code.QUOTA_EXCEEDED,
            f"the unfinished uploads of '{owner}' may keep {share} bytes of the disk: "
            f"{promised.own_bytes} are kept, and {size_bytes} more do not fit",
            hint=_HINT,
            evidence={"limit_bytes": share},
        )
