"""What the sentences of sites mean: yt-dlp hands most refusals on in the site's own words."""

from __future__ import annotations

import re

from reelwright.errors import Code

# The first that fits is meant. The order is from what is said of nothing else ("DRM") to what is
# said along with everything ("sign in").
_WORDS: tuple[tuple[Code, tuple[str, ...]], ...] = (
    (
        Code.FORMAT_UNAVAILABLE,
        (
            r"requested formats? (is|are) (not available|incompatible)",
            r"format is not available",
        ),
    ),
    (
        Code.DISK_FULL,
        (
            r"no space left",
            r"\[errno 28\]",
            r"disk quota exceeded",
        ),
    ),
    (Code.VIDEO_DRM, (r"\bdrm\b",)),
    (
        Code.VIDEO_BOT_CHECK,
        (
            r"not a bot",
            r"captcha",
            r"anti-bot",
            r"unusual traffic",
            r"tls fingerprint",
            r"(you are|you're) (a )?human",
            r"your ip( address)? (is|was|has been|may be) (blocked|banned)",
            r"bot detection",
        ),
    ),
    (
        Code.HTTP_RATE_LIMITED,
        (
            r"rate[- ]?limit",
            r"too many requests",
            r"isn't available, try again later",
            r"quota",
        ),
    ),
    (
        Code.VIDEO_NOT_YET,
        (
            r"premieres? (in|on|at|will)",
            r"will (begin|start|premiere|be available|be live|go live)\b",
            r"is scheduled",
            r"(has not|hasn't) (yet )?(started|begun)",
            r"not (yet )?started",
            r"not started yet",
            r"not (currently )?(live|streaming)",
            r"is offline",
            r"is (still )?(being )?process",
            r"upcoming",
            r"not downloadable yet",
            r"will be available shortly",
            r"no active streams?",
        ),
    ),
    (
        Code.VIDEO_MEMBERS_ONLY,
        (
            r"members?[- ]only",
            r"(for|to) (\w+ )?members\b",
            r"channel's members",
            r"join this channel",
            r"subscribers?[- ]only",
            r"(for|to) (\w+ )*subscribers\b",
            r"premium (members|users|account|content)",
            r"(requires?|with|needs?) (a|an|the|your)?\s?(\w+ )?(subscription|membership|payment)",
            r"is paid\b",
            r"subscribe to",
            r"purchase",
            r"\brent(al|ed)?\b",
            r"\bvip\b",
            r"patrons?\b",
            r"paying",
        ),
    ),
    (
        Code.VIDEO_AGE_GATED,
        (
            r"your age\b",
            r"age[- ](restrict|verif|gate|limit|confirm)",
            r"inappropriate for some",
            r"adult (content|verification)",
            r"\bnsfw\b",
            r"mature (content|audience)",
            r"18 years",
        ),
    ),
    (
        Code.VIDEO_PRIVATE,
        (
            r"\bis (set to )?private",
            r"private (video|playlist|account|subreddit|post|channel|profile)",
            r"protected (tweet|account|post)",
            r"privacy settings",
            r"made (it|this video) private",
            r"not been made available to anyone",
        ),
    ),
    (
        Code.VIDEO_GEO_BLOCKED,
        (
            r"(in|from|for) (your|the current|this) (country|region|location|area|territory)",
            r"geo[- ]?(restrict|block|lock)",
            r"outside (of )?the (country|region|us|uk|eu)",
            r"(available|viewable) (only )?(in|from|within) .*(countr|region|territor)",
        ),
    ),
    (
        Code.VIDEO_BLOCKED,
        (
            r"copyright",
            r"trademark",
            r"\bdmca\b",
            r"legal (complaint|removal|reason|request|demand)",
            r"court order",
            r"government",
            r"infring",
            r"withheld",
        ),
    ),
    (
        Code.VIDEO_GONE,
        (
            r"(been|was|is|were) (permanently )?(removed|deleted|terminated|suspended|closed)",
            r"taken down",
            r"removed by",
            r"(suspended|terminated|deleted) account",
            r"no longer",
            r"(does not|doesn't|not) exist",
            r"not found",
            r"couldn't be found",
            r"expired",
            r"video unavailable",
            r"available any ?more",
            r"(live ?stream|broadcast|event) (has )?ended",
            r"recording is not available",
            r"replay is disabled",
            r"is unavailable",
            r"does the playlist exist",
            r"deleted",
            r"violat",
        ),
    ),
    (
        Code.VIDEO_LOGIN,
        (
            r"log(ged)?[- ]?in\b",
            r"sign(ed)?[- ]?in\b",
            r"registered users",
            r"authenticat",
            r"cookies",
            r"account (is |that )?(needed|required)",
            r"password",
            r"credentials",
            r"do not have access",
            r"not authori[sz]ed",
            r"login",
        ),
    ),
    (
        Code.EXTRACTOR_UNSUPPORTED,
        (
            r"no (\w+ )?(videos?|media|audio|formats?)\b",
            r"unsupported",
            r"no suitable extractor",
            r"not a (valid url|video)",
            r"not have a video",
            r"could not find .*formats",
        ),
    ),
)
_TABLE = tuple((code, re.compile("|".join(words), re.IGNORECASE)) for code, words in _WORDS)


def code_of_words(message: str) -> Code | None:
    """What a site's sentence means; None where it says nothing that is known."""
    text = message.replace("’", "'")
    return next((code for code, pattern in _TABLE if pattern.search(text)), None)
