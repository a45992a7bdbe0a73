"""Sentences as sites and yt-dlp really write them, and what they are taken to mean."""

from __future__ import annotations

import pytest

from reelwright.errors import Code
from reelwright.tools.ytdlp.words import code_of_words

LOGIN_HINT = (
    "Use --cookies, --cookies-from-browser, --username and --password, --netrc-cmd, or --netrc "
    "(youtube) to provide account credentials. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to "
    "manually pass cookies"
)
YOUTUBE_HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to "
    "manually pass cookies. Also see  "
    "https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies  for tips on "
    "effectively exporting YouTube cookies"
)

TABLE = [
    # YouTube
    ("Video unavailable", Code.VIDEO_GONE),
    ("Video unavailable. This video has been removed by the uploader", Code.VIDEO_GONE),
    (
        "This video has been removed for violating YouTube's Community Guidelines",
        Code.VIDEO_GONE,
    ),
    (
        (
            "Video unavailable. This video is no longer available because the YouTube account "
            "associated with this video has been terminated."
        ),
        Code.VIDEO_GONE,
    ),
    ("This video isn't available anymore", Code.VIDEO_GONE),
    ("This live stream recording is not available.", Code.VIDEO_GONE),
    ("This channel does not exist.", Code.VIDEO_GONE),
    ("This account has been terminated for a violation of YouTube's policy.", Code.VIDEO_GONE),
    (
        "Private video. Sign in if you've been granted access to this video. " + YOUTUBE_HINT,
        Code.VIDEO_PRIVATE,
    ),
    (
        (
            "Join this channel to get access to members-only content like this video, and other "
            "exclusive perks."
        ),
        Code.VIDEO_MEMBERS_ONLY,
    ),
    (
        (
            "This video is available to this channel's members on level: Fan (or any higher "
            "level). Join this channel to get access to members-only content and other "
            "exclusive perks."
        ),
        Code.VIDEO_MEMBERS_ONLY,
    ),
    ("This video requires payment to watch.", Code.VIDEO_MEMBERS_ONLY),
    (
        "Sign in to confirm your age. This video may be inappropriate for some users. "
        + YOUTUBE_HINT,
        Code.VIDEO_AGE_GATED,
    ),
    ("Sign in to confirm you’re not a bot. " + YOUTUBE_HINT, Code.VIDEO_BOT_CHECK),
    (
        "Video unavailable. YouTube is requiring a captcha challenge before playback",
        Code.VIDEO_BOT_CHECK,
    ),
    (
        (
            "Video unavailable. This content isn't available, try again later. The current "
            "session has been rate-limited by YouTube for up to an hour. It is recommended to use "
            "`-t sleep` to add a delay between video requests to avoid exceeding the rate limit."
        ),
        Code.HTTP_RATE_LIMITED,
    ),
    ("Premieres in 3 hours", Code.VIDEO_NOT_YET),
    ("This live event will begin in 2 days.", Code.VIDEO_NOT_YET),
    ("This live event will begin in a few moments.", Code.VIDEO_NOT_YET),
    (
        "The uploader has not made this video available in your country",
        Code.VIDEO_GEO_BLOCKED,
    ),
    (
        (
            "Video unavailable. This video contains content from SME, who has blocked it in your "
            "country on copyright grounds"
        ),
        Code.VIDEO_GEO_BLOCKED,
    ),
    (
        (
            "Video unavailable. This video contains content from UMG, who has blocked it on "
            "copyright grounds"
        ),
        Code.VIDEO_BLOCKED,
    ),
    (
        "This video is no longer available due to a copyright claim by Example Ltd",
        Code.VIDEO_BLOCKED,
    ),
    ("This video is DRM protected", Code.VIDEO_DRM),
    # Vimeo
    (
        "Because of its privacy settings, this video cannot be played here. Use --referer",
        Code.VIDEO_PRIVATE,
    ),
    ("This live event is scheduled for 2026-12-24", Code.VIDEO_NOT_YET),
    ("This event has not been made available to anyone", Code.VIDEO_PRIVATE),
    (
        (
            "This request has been blocked due to its TLS fingerprint. Install a required "
            "impersonation dependency if possible"
        ),
        Code.VIDEO_BOT_CHECK,
    ),
    (
        "This video is protected by a password, use the --video-password option",
        Code.VIDEO_LOGIN,
    ),
    ("Wrong video password", Code.VIDEO_LOGIN),
    # X (Twitter), Twitch, TikTok, Reddit and others
    ("NSFW tweet requires authentication. " + LOGIN_HINT, Code.VIDEO_AGE_GATED),
    ("You are not authorized to view this protected tweet. " + LOGIN_HINT, Code.VIDEO_PRIVATE),
    (
        "Twitter API says: This Post is from an account that no longer exists",
        Code.VIDEO_GONE,
    ),
    ("Twitter API says: This Post is from a suspended account", Code.VIDEO_GONE),
    ("Twitter API says: This Post was deleted by the Post author", Code.VIDEO_GONE),
    ("No video could be found in this tweet", Code.EXTRACTOR_UNSUPPORTED),
    ("This live broadcast has not yet started", Code.VIDEO_NOT_YET),
    ("Broadcast no longer exists", Code.VIDEO_GONE),
    ("Twitter Space ended and replay is disabled", Code.VIDEO_GONE),
    ("Twitter Space ended but not downloadable yet", Code.VIDEO_NOT_YET),
    ("The channel is not currently live", Code.VIDEO_NOT_YET),
    ("This VOD is for subscribers only. " + LOGIN_HINT, Code.VIDEO_MEMBERS_ONLY),
    ("Your IP address is blocked from accessing this post", Code.VIDEO_BOT_CHECK),
    (
        "Private subreddit; an account that has been approved is required. " + LOGIN_HINT,
        Code.VIDEO_PRIVATE,
    ),
    ("Content not found; it has most likely expired", Code.VIDEO_GONE),
    ("This video is only available for registered users. " + LOGIN_HINT, Code.VIDEO_LOGIN),
    (
        "This video is only available for registered users with the appropriate subscription. "
        + LOGIN_HINT,
        Code.VIDEO_MEMBERS_ONLY,
    ),
    ("Login is required to access age-restricted content", Code.VIDEO_AGE_GATED),
    (
        (
            "Got HTTP Error 403 caused by Cloudflare anti-bot challenge; try again with  "
            '--extractor-args "generic:impersonate"'
        ),
        Code.VIDEO_BOT_CHECK,
    ),
    (
        "This video is not available from your location due to geo restriction",
        Code.VIDEO_GEO_BLOCKED,
    ),
    (
        "Requested format is not available. Use --list-formats for a list of available formats",
        Code.FORMAT_UNAVAILABLE,
    ),
    ("unable to write data: [Errno 28] No space left on device", Code.DISK_FULL),
    ("No video formats found!", Code.EXTRACTOR_UNSUPPORTED),
    # Nothing of it is known.
    ("Unable to extract title", None),
    ("The relinker says something new", None),
]


@pytest.mark.parametrize(("message", "code"), TABLE)
def test_a_sites_sentence_has_its_code(message: str, code: Code | None) -> None:
    assert code_of_words(message) is code
