"""The one table of error codes: what went wrong, whether trying again can help, and what to do.

A code is stable: scripts and the API rely on its text. `Kind` decides the exit code and the HTTP
status (each kept in one table, in `cli` and `api`); `retryable` is a fact about the cause, the
engine decides whether and when a retry happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any


class Kind(StrEnum):
    """Whose turn it is: the caller's, the media's, the machine's, or ours."""

    INPUT = "input"
    MEDIA = "media"
    TOOL = "tool"
    CANCELLED = "cancelled"
    RESOURCE = "resource"
    NETWORK = "network"
    STATE = "state"
    IDENTITY = "identity"
    PERMISSION = "permission"
    LIMIT = "limit"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What every error of one code shares."""

    kind: Kind
    retryable: bool
    hint: str


def _i(kind: Kind, hint: str, *, retry: bool = False) -> CodeInfo:
    return CodeInfo(kind, retry, hint)


_IN, _ME, _TO, _RE, _NE, _ST, _AU, _FO, _LI = (
    Kind.INPUT,
    Kind.MEDIA,
    Kind.TOOL,
    Kind.RESOURCE,
    Kind.NETWORK,
    Kind.STATE,
    Kind.IDENTITY,
    Kind.PERMISSION,
    Kind.LIMIT,
)


class Code(Enum):
    """Every error that Reelwright reports. The value's text is the name in lower case."""

    # The spec
    SPEC_SYNTAX = _i(_IN, "check the YAML or JSON at the line that is named")
    SPEC_VERSION = _i(_IN, "use a spec version that this release knows")
    SPEC_TOO_LARGE = _i(_IN, "split the spec, or raise `limits.spec_bytes`")
    FIELD_MISSING = _i(_IN, "add the field")
    FIELD_UNKNOWN = _i(_IN, "remove the field or correct its name")
    FIELD_INVALID = _i(_IN, "give a value of the allowed form")
    VARIABLE_UNKNOWN = _i(_IN, "define it under `vars`, or pass `--set name=value`")
    VARIABLE_UNEXPECTED = _i(_IN, "correct the name, or let it stand in the spec as ${name}")
    OPERATOR_UNKNOWN = _i(_IN, "`reel operators` lists them")
    OPERATION_DUPLICATE = _i(_IN, "give each operation an id of its own")
    REFERENCE_UNKNOWN = _i(_IN, "refer to an input or an operation's id")
    REFERENCE_CYCLE = _i(_IN, "break the cycle: an operation cannot feed itself")
    PORT_UNKNOWN = _i(_IN, "`reel operators NAME` lists its ports")
    PORT_MISSING = _i(_IN, "connect the port")
    STREAM_MISSING = _i(_IN, "the input has no such stream; `reel probe FILE` lists them")
    STREAM_KIND = _i(_IN, "connect a stream of the kind that the port takes")
    OUTPUT_DUPLICATE = _i(_IN, "give each output a path of its own")
    OUTPUT_PATH = _i(_IN, "write below the spec's folder, or pass `--allow-outside`")
    OUTPUT_EXISTS = _i(_IN, "pass `--overwrite`, or choose another path")
    OUTPUT_FORMAT = _i(_IN, "choose a container and a codec that fit each other")
    RANGE_EMPTY = _i(_IN, "the range must lie inside the input and be longer than nothing")
    CONFIG_INVALID = _i(_IN, "`reel config show` says where each value comes from")
    USAGE = _i(_IN, "`reel COMMAND --help` shows the usage")

    # Inputs that cannot be had
    INPUT_NOT_FOUND = _i(_IN, "check the path; relative paths are relative to the spec file")
    INPUT_UNREADABLE = _i(_IN, "check the file's permissions")
    INPUT_IS_DIRECTORY = _i(_IN, "name a file, or use a glob")
    INPUT_EMPTY = _i(_ME, "the file has no bytes: fetch or copy it again")
    INPUT_SCHEME = _i(_IN, "use a path, file:, http(s):, s3:, gs: or az:")
    INPUT_CHANGED = _i(_ME, "the file changed while it was read: run the job again", retry=True)

    # Media
    MEDIA_UNRECOGNISED = _i(_ME, "the file is not a media file that FFmpeg knows")
    MEDIA_NOT_ALLOWED = _i(_ME, "this format is not read from untrusted input")
    MEDIA_DAMAGED = _i(_ME, "fetch the file again, or set `on_damage: keep`")
    MEDIA_TRUNCATED = _i(_ME, "fetch the file again, or set `on_damage: keep`")
    MEDIA_NO_STREAMS = _i(_ME, "the file holds no video and no audio")
    MEDIA_ENCRYPTED = _i(_ME, "decrypt it first: encrypted media cannot be processed")
    MEDIA_TOO_LARGE = _i(_ME, "raise `limits.max_pixels` if the size is meant")
    MOOV_MISSING = _i(_ME, "the file was never finished: fetch or record it again")
    CODEC_UNSUPPORTED = _i(_ME, "this build of FFmpeg cannot decode the codec; see `reel doctor`")
    DECODE_FAILED = _i(_ME, "the stream is damaged; `on_damage: keep` keeps what decodes")
    TIMESTAMPS_INVALID = _i(_ME, "remux the file, or let an `fps` operation rebuild its times")

    # Encoding and verifying
    ENCODER_MISSING = _i(_TO, "choose another codec; `reel doctor` lists the encoders")
    ENCODER_OPTIONS = _i(_IN, "the encoder refuses these options: check size, pixel format, rate")
    FILTER_MISSING = _i(_TO, "this build of FFmpeg lacks a filter; see `reel doctor`")
    FILTER_FAILED = _i(_ME, "the filter refused its input; the log's last lines say why")
    FILTER_OPTIONS = _i(_IN, "the filter refuses a parameter; the log's last lines say which")
    MUX_FAILED = _i(_IN, "the container cannot hold this stream: choose another one")
    OUTPUT_MISMATCH = _i(_ME, "the output is not what was planned; nothing was published")
    OUTPUT_MISSING = _i(_ME, "the command ended without writing its output")
    SEAM_DAMAGED = _i(_ME, "the smart cut did not decode cleanly; use `mode: encode`")
    LOUDNESS_MISSED = _i(_ME, "the loudness target cannot be met; see the measured values")

    # Tools
    TOOL_MISSING = _i(_TO, "`reel doctor` says what is missing and how to get it")
    TOOL_VERSION = _i(_TO, "`reel doctor` names the versions that work")
    TOOL_CRASHED = _i(_TO, "the tool crashed; the log holds its last lines", retry=True)
    TOOL_FAILED = _i(_TO, "the log's last lines say why")
    TOOL_NO_OUTPUT = _i(_TO, "the tool made no progress before its limit", retry=True)
    SANDBOX_DENIED = _i(_TO, "the tool reached outside its files; the log says for what")
    SANDBOX_UNAVAILABLE = _i(_TO, "this kernel has no Landlock; set `sandbox: off` to run without")
    FONT_MISSING = _i(_TO, "name a font file that exists, or leave `font` out")
    LIBRARY_MISSING = _i(_TO, "install the extra that is named")

    # Network
    NETWORK_UNREACHABLE = _i(_NE, "check the connection", retry=True)
    NETWORK_TIMEOUT = _i(_NE, "the server did not answer in time", retry=True)
    NETWORK_RESET = _i(_NE, "the connection broke off; the download resumes", retry=True)
    TLS_INVALID = _i(_NE, "the server's certificate is not valid")
    HTTP_NOT_FOUND = _i(_NE, "the address has nothing: check it")
    HTTP_FORBIDDEN = _i(_NE, "the server refuses: it may want a login")
    HTTP_RATE_LIMITED = _i(_NE, "the server asks for fewer requests; it is tried later", retry=True)
    HTTP_SERVER_ERROR = _i(_NE, "the server failed; it is tried later", retry=True)
    HTTP_STATUS = _i(_NE, "the server answered with an unexpected status")
    ADDRESS_REFUSED = _i(_NE, "only public addresses may be fetched from here")
    REMOTE_CHANGED = _i(_NE, "the origin changed during the download; it starts over", retry=True)
    EXTRACTOR_UNSUPPORTED = _i(_NE, "no video was found at the address")

    # What an origin says of a video
    VIDEO_GONE = _i(_NE, "the origin removed it: look for another copy; what is held stays")
    VIDEO_PRIVATE = _i(_NE, "its owner made it private: ask them, or pass cookies of one who may")
    VIDEO_MEMBERS_ONLY = _i(_NE, "pass cookies of a member: `--cookies FILE`")
    VIDEO_LOGIN = _i(_NE, "pass cookies of an account: `--cookies FILE`")
    VIDEO_AGE_GATED = _i(_NE, "pass cookies of an account of age: `--cookies FILE`")
    VIDEO_GEO_BLOCKED = _i(_NE, "use a proxy in a country where it is shown: `--proxy URL`")
    VIDEO_BLOCKED = _i(_NE, "it was blocked after a claim: look for another copy")
    VIDEO_DRM = _i(_NE, "it is encrypted by DRM and cannot be kept")
    VIDEO_NOT_YET = _i(_NE, "it has not begun or still runs; it is tried later", retry=True)
    VIDEO_BOT_CHECK = _i(_NE, "the site wants proof of a person: wait, or pass cookies")
    FORMAT_UNAVAILABLE = _i(_NE, "choose another profile: `--profile best` takes what there is")
    EXTRACTOR_BROKEN = _i(_NE, "upgrade yt-dlp; if that is the newest, report it there")
    BUDGET_SPENT = _i(_LI, "it goes on when the site's budget allows", retry=True)
    CIRCUIT_OPEN = _i(_LI, "the site failed often; it is asked again after a rest", retry=True)
    API_KEY = _i(_NE, "set `REEL_YOUTUBE__KEY` to a key of the YouTube Data API v3")
    MODEL_UNAVAILABLE = _i(_TO, "`reel doctor` says which models are there and what others need")
    MODEL_RATE_LIMITED = _i(_LI, "it is asked again when the provider allows", retry=True)
    MODEL_REFUSED = _i(_LI, "the provider does not answer this; another model may")
    MODEL_ANSWER_INVALID = _i(_TO, "the model's answer has not the form asked for", retry=True)
    MODEL_FAILED = _i(_TO, "its message says why; the log of the step has more", retry=True)
    BUDGET_REACHED = _i(_LI, "raise the budget, or take a model that costs less")
    PROMPT_UNKNOWN = _i(_IN, "`reel prompts list` names them")
    PROMPT_INVALID = _i(_IN, "a prompt is YAML: name, version, description, inputs, system, user")
    QUERY_INVALID = _i(_IN, 'words, "a phrase", -without, channel:NAME, after:2024-01-31')
    INDEX_EMPTY = _i(_ST, "`reel understand VIDEO` and `reel index PATH` fill the search index")
    DOCUMENT_UNKNOWN = _i(_ST, "`reel index --list` names what is indexed")
    NO_EVIDENCE = _i(_ST, "nothing that is indexed answers this; ask otherwise, or index more")
    API_QUOTA = _i(_LI, "the day's quota is spent; it begins anew at midnight Pacific time")

    # The library

    ASSET_UNKNOWN = _i(_IN, "`reel library` lists them")
    SOURCE_UNKNOWN = _i(_IN, "`reel follow` lists the subscriptions")
    SCHEDULE_INVALID = _i(_IN, 'write an interval (30m, 6h, 1d) or five cron fields ("0 3 * * *")')
    TEMPLATE_INVALID = _i(_IN, "use fields that `reel archive --help` names, in braces")
    FILE_MISSING = _i(_ME, "`reel verify --repair` fetches it again where the origin has it")
    FILE_DAMAGED = _i(_ME, "`reel verify --repair` fetches it again where the origin has it")

    # Resources
    DISK_FULL = _i(_RE, "free some space, then `reel resume`, or `reel retry`", retry=True)
    DISK_RESERVED = _i(_RE, "free some space or lower `limits.disk_bytes`", retry=True)
    PERMISSION_DENIED = _i(_RE, "check the permissions of the path that is named")
    MEMORY_EXHAUSTED = _i(_RE, "lower the resolution or raise `limits.memory_bytes`")
    PROCESS_LIMIT = _i(_RE, "the system has no more processes or files to give", retry=True)
    NEEDS_TOO_MUCH = _i(_RE, "the step needs more than this machine has")

    # The service: who asks, how often, how much
    UNAUTHENTICATED = _i(_AU, "send `Authorization: Bearer TOKEN`; `reel keys create` makes one")
    FORBIDDEN = _i(_FO, "ask for a key whose role and scopes allow this")
    CSRF_INVALID = _i(_FO, "send the session's `X-CSRF-Token`")
    FOLDER_REFUSED = _i(_FO, "upload the file, or name one below a folder that the key may use")
    RATE_LIMITED = _i(_LI, "wait as long as `Retry-After` says", retry=True)
    QUOTA_EXCEEDED = _i(_LI, "wait for jobs to end, or delete what is no longer needed")
    BODY_TOO_LARGE = _i(_IN, "send less, or raise the limit that is named")
    BODY_INVALID = _i(_IN, "send what `/openapi.json` says of this request")
    MEDIA_TYPE = _i(_IN, "send one of the content types that are named")
    NOT_FOUND = _i(_IN, "`/openapi.json` lists what there is")
    METHOD_REFUSED = _i(_IN, "use a method that `Allow` names")
    RANGE_REFUSED = _i(_IN, "ask for a range inside the file")
    CONDITION_FAILED = _i(_ST, "the thing changed: read it again")
    IDEMPOTENCY_MISMATCH = _i(_IN, "use a new `Idempotency-Key` for another request")
    BATCH_UNKNOWN = _i(_IN, "check the id of the batch")
    UPLOAD_UNKNOWN = _i(_IN, "start the upload anew: it may have expired")
    UPLOAD_OFFSET = _i(_ST, "ask for the offset with HEAD, and go on from there")
    UPLOAD_CHECKSUM = _i(_IN, "send the part again: it did not arrive as it was sent")
    UPLOAD_BUSY = _i(_ST, "something else uses the upload: wait for its end", retry=True)
    UPLOAD_UNFINISHED = _i(_IN, "send the rest of the upload first")
    KEY_UNKNOWN = _i(_IN, "`reel keys list` lists them")
    WORKER_UNKNOWN = _i(_IN, "`reel worker list` lists them")
    WEBHOOK_UNKNOWN = _i(_IN, "`reel webhooks list` lists them")
    WEBHOOK_INVALID = _i(_IN, "give an https: or http: address")
    SERVER_UNREACHABLE = _i(_NE, "is `reel serve` running there?", retry=True)
    BACKUP_INVALID = _i(_IN, "name a file that `reel db backup` wrote")
    STORE_NOT_EMPTY = _i(_IN, "restore into an empty database, or pass `--replace`")

    # The way of a job
    CANCELLED = CodeInfo(Kind.CANCELLED, False, "`reel retry` runs it again")
    TIMEOUT = _i(_RE, "raise `timeout`, or make the job smaller")
    JOB_UNKNOWN = _i(_IN, "`reel jobs` lists them")
    STEP_UNKNOWN = _i(_IN, "`reel status JOB` lists the job's steps")
    TRANSITION_REFUSED = _i(_ST, "the job is not in a state that allows this")
    LEASE_LOST = _i(_ST, "another worker has the step; this try is dropped", retry=True)
    WORKER_LOST = _i(_ST, "the worker died; the step is tried again", retry=True)
    ATTEMPTS_EXHAUSTED = _i(_ST, "`reel logs JOB` shows each try; `reel retry JOB` starts over")
    STORE_UNAVAILABLE = _i(_ST, "the database does not answer", retry=True)
    STORE_LOCKED = _i(_ST, "another process holds the database; it is tried again", retry=True)
    STORE_VERSION = _i(_ST, "the database belongs to a newer release: upgrade reelwright")
    STORE_DAMAGED = _i(_ST, "the database is damaged: restore a backup")
    CLUSTER_UNAVAILABLE = _i(
        _NE, "`reel cluster status` says which nodes answer; is the head running?", retry=True
    )
    NODE_REFUSED = _i(_IN, "give the node what the message names, and let it join again")
    NODE_UNKNOWN = _i(_IN, "`reel cluster status` lists the nodes")
    ARTIFACTS_UNAVAILABLE = _i(_NE, "the store of artifacts does not answer", retry=True)
    ARTIFACT_DAMAGED = _i(_ST, "the cached result is damaged; it is made again", retry=True)
    PLAN_INVALID = CodeInfo(Kind.INTERNAL, False, "this is our fault: please report the spec")
    INTERNAL = CodeInfo(Kind.INTERNAL, False, "this is our fault: please report the log")

    # An enum makes members of equal value aliases of each other; two codes may share all they say.
    def __new__(cls, info: CodeInfo) -> Code:
        member = object.__new__(cls)
        member._value_ = len(cls.__members__) + 1
        member.info = info
        return member

    info: CodeInfo

    @property
    def text(self) -> str:
        """The stable name that scripts and the API see, e.g. ``operator_unknown``."""
        return self.name.lower()

    @property
    def kind(self) -> Kind:
        return self.info.kind

    @property
    def retryable(self) -> bool:
        return self.info.retryable

    @property
    def hint(self) -> str:
        return self.info.hint

    @classmethod
    def of(cls, text: str) -> Code:
        """The code with this text; KeyError where there is none."""
        return cls[text.upper()]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `where` is a place in the spec (``operations[2].duration``), a step, or a path; `evidence` is
    JSON-ready (argv, last log lines, the numbers that did not match).
    """

    code: Code
    message: str
    where: str | None = None
    hint: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "code": self.code.text,
            "message": self.message,
            "where": self.where,
            "hint": self.hint or self.code.hint,
        }
        if self.evidence:
            body["evidence"] = dict(self.evidence)
        return body

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Problem:
        return Problem(
            Code.of(body["code"]),
            body["message"],
            body.get("where"),
            body.get("hint"),
            body.get("evidence") or {},
        )


class ReelError(Exception):
    """A problem on its way to whoever can act on it."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, where, hint, evidence or {})

    @property
    def code(self) -> Code:
        return self.problem.code

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (self.problem,)

    @classmethod
    def of(cls, problem: Problem) -> ReelError:
        return cls(
            problem.code,
            problem.message,
            where=problem.where,
            hint=problem.hint,
            evidence=problem.evidence,
        )


class SpecErrors(ReelError):
    """Everything that is wrong with a spec, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(
            first.code,
            first.message,
            where=first.where,
            hint=first.hint,
            evidence=first.evidence,
        )
        self._problems = tuple(problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems
