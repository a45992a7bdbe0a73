"""Why something is missing, in groups that want the same thing done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reelwright.errors import Code, Kind


class Does(StrEnum):
    """Who acts next."""

    ITSELF = "itself"  # it is tried again when its time comes
    RUN = "run"  # `reel workplan run` tries it now
    PERSON = "person"  # somebody has to do something first
    NOTHING = "nothing"  # nothing brings it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """`action`: what to do, for a person. `may_hurry` False: a site that wants rest is not asked
    before its time unless the cause or the item is named."""

    name: str
    title: str
    does: Does
    action: str
    codes: frozenset[Code] = frozenset()
    may_hurry: bool = True


def _cause(
    name: str, does: Does, title: str, action: str, *codes: Code, hurry: bool = True
) -> Cause:
    return Cause(
        name=name, title=title, does=does, action=action, codes=frozenset(codes), may_hurry=hurry
    )


# In the order in which they are shown: first what a person can do something about.
CAUSES = (
    _cause(
        "login", Does.PERSON, "An account is needed",
        "put cookies of an account that may see them in `archive.cookies`, then"
        " `reel workplan run --cause login`",
        Code.VIDEO_LOGIN, Code.VIDEO_AGE_GATED, Code.VIDEO_MEMBERS_ONLY, Code.VIDEO_PRIVATE,
        Code.HTTP_FORBIDDEN,
    ),
    _cause(
        "region", Does.PERSON, "Not shown in this country",
        "set `archive.proxy` to one in a country where they are shown, then"
        " `reel workplan run --cause region`",
        Code.VIDEO_GEO_BLOCKED,
    ),
    _cause(
        "format", Does.PERSON, "Not in the wanted quality",
        "ask again with another profile, such as `reel archive URL --profile best`",
        Code.FORMAT_UNAVAILABLE, Code.MEDIA_TOO_LARGE,
    ),
    _cause(
        "disk", Does.ITSELF, "No room, or no right to write",
        "free some space (or `archive.keep_free_bytes`), or let the folder be written; it goes on"
        " by itself",
        Code.DISK_FULL, Code.DISK_RESERVED, Code.PERMISSION_DENIED,
    ),
    _cause(
        "settings", Does.PERSON, "A setting or an option is wrong",
        "correct what the message names, then `reel workplan run --cause settings`",
        Code.API_KEY, Code.TEMPLATE_INVALID, Code.CONFIG_INVALID, Code.FOLDER_REFUSED,
        Code.FIELD_INVALID, Code.FIELD_UNKNOWN, Code.INPUT_NOT_FOUND, Code.ADDRESS_REFUSED,
    ),
    _cause(
        "damaged", Does.PERSON, "Files of the library are missing or damaged",
        "`reel verify --repair` restores what can be had",
        Code.FILE_MISSING, Code.FILE_DAMAGED,
    ),
    _cause(
        "understanding", Does.RUN, "Kept, and not understood",
        "`reel workplan run --cause understanding` goes on with them; `reel logs JOB` says what"
        " failed",
    ),
    _cause(
        "rest", Does.ITSELF, "The site wants to be left alone",
        "nothing: they go on when it may be asked again; cookies of an account help against bot"
        " checks",
        Code.HTTP_RATE_LIMITED, Code.VIDEO_BOT_CHECK, Code.BUDGET_SPENT, Code.CIRCUIT_OPEN,
        Code.API_QUOTA,
        hurry=False,
    ),
    _cause(
        "upcoming", Does.ITSELF, "Not yet there",
        "nothing: they are asked for again when they may have begun",
        Code.VIDEO_NOT_YET,
        hurry=False,
    ),
    _cause(
        "network", Does.RUN, "The network or the server failed",
        "`reel workplan run` tries them now",
        Code.NETWORK_UNREACHABLE, Code.NETWORK_TIMEOUT, Code.NETWORK_RESET, Code.TLS_INVALID,
        Code.HTTP_SERVER_ERROR, Code.HTTP_STATUS, Code.REMOTE_CHANGED, Code.MEDIA_TRUNCATED,
    ),
    _cause(
        "extractor", Does.RUN, "The site changed, or shows no video there",
        "upgrade yt-dlp, then `reel workplan run --cause extractor`; `reel workplan skip` takes"
        " pages without a video off the plan",
        Code.EXTRACTOR_BROKEN, Code.EXTRACTOR_UNSUPPORTED,
    ),
    _cause(
        "media", Does.RUN, "What came is no good media",
        "`reel workplan run` fetches it anew; where that does not help the origin's file is bad",
        *(c for c in Code if c.kind is Kind.MEDIA and c not in {
            Code.MEDIA_TRUNCATED, Code.MEDIA_TOO_LARGE, Code.FILE_MISSING, Code.FILE_DAMAGED}),
    ),
    _cause(
        "tool", Does.RUN, "A tool or this machine failed",
        "`reel doctor` says what is missing; then `reel workplan run --cause tool`",
        *(c for c in Code if c.kind in {Kind.TOOL, Kind.RESOURCE, Kind.STATE} and c not in {
            Code.DISK_FULL, Code.DISK_RESERVED, Code.PERMISSION_DENIED}),
    ),
    _cause(
        "cancelled", Does.RUN, "Somebody stopped it",
        "`reel workplan run` goes on with it",
        Code.CANCELLED,
    ),
    _cause(
        "drm", Does.NOTHING, "Encrypted by DRM",
        "nothing: it cannot be kept; `reel workplan skip` takes it off the plan",
        Code.VIDEO_DRM,
    ),
    _cause(
        "gone", Does.NOTHING, "Gone at the origin, and we have nothing",
        "look for another copy; `reel workplan run --cause gone` asks once more",
        Code.VIDEO_GONE, Code.VIDEO_BLOCKED, Code.HTTP_NOT_FOUND,
    ),
    _cause(
        "only-here", Does.NOTHING, "Gone at the origin, and we hold it",
        "nothing: take care of these copies",
    ),
    _cause(
        "other", Does.RUN, "Something else",
        "`reel workplan run` tries it again; `reel logs JOB` says more",
    ),
)  # fmt: skip
BY_NAME = {cause.name: cause for cause in CAUSES}
ONLY_HERE, OTHER = BY_NAME["only-here"], BY_NAME["other"]
_BY_CODE = {code: cause for cause in CAUSES for code in cause.codes}


def cause_of(code: str | None) -> Cause:
    """Of a code's text; a newer release may have written one that this one does not know."""
    if code is None or code.upper() not in Code.__members__:
        return OTHER
    return _BY_CODE.get(Code.of(code), OTHER)
