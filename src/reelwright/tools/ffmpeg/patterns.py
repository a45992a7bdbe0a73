"""What FFmpeg 9 prints when it fails, each line with its code, its cause and what to do about it.

The order is the priority: FFmpeg prints the cause first and then a dozen lines of consequences
("Could not open encoder before EOF", "Nothing was written into output file"), so what is specific
stands before what is general, and resources before all. `tests/tools/test_failures.py` provokes
each with the real program, or says why it cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reelwright.errors import Code


@dataclass(frozen=True, slots=True)
class Pattern:
    """`cause` may name groups of `line`; `hint` None: the code's own is right."""

    name: str
    line: re.Pattern[str]
    code: Code
    cause: str
    hint: str | None = None


def _p(name: str, line: str, code: Code, cause: str, hint: str | None = None) -> Pattern:
    return Pattern(name, re.compile(line), code, cause, hint)


_RESOURCES = (
    # First: some decoders go on to say that memory could not be allocated.
    _p(
        "pixels",
        r"Picture size (?P<size>\d+x\d+) exceeds specified max pixel count (?P<limit>\d+)",
        Code.MEDIA_TOO_LARGE,
        "the picture claims {size} pixels, more than {limit}",
    ),
    _p("disk", r"No space left on device|Disk quota exceeded", Code.DISK_FULL, "the disk is full"),
    _p(
        "file-limit",
        r": File too large",
        Code.DISK_FULL,
        "an output grew beyond the space that was reserved for it",
        "raise `limits.disk_bytes`, or lower the quality",
    ),
    _p(
        "memory",
        r"Cannot allocate memory|malloc of size \d+ failed|std::bad_alloc",
        Code.MEMORY_EXHAUSTED,
        "FFmpeg was refused more memory",
    ),
    _p("open-files", r"Too many open files", Code.PROCESS_LIMIT, "too many files were open"),
    _p(
        "threads",
        r"Resource temporarily unavailable|pthread_create.*failed",
        Code.PROCESS_LIMIT,
        "no more threads could be started",
    ),
)
_WALLS = (
    _p(
        "demuxer-list",
        r"Format not on whitelist '(?P<list>[^']*)'",
        Code.MEDIA_NOT_ALLOWED,
        "the file is not of the format that it was recognised as",
    ),
    _p(
        "protocol-list",
        r"Protocol '(?P<name>[^']*)' not on whitelist",
        Code.MEDIA_NOT_ALLOWED,
        "the media refers to another address ({name}:), which is not followed",
    ),
    _p(
        "network",
        r"Connection to \S+ failed|Connection refused|Network is unreachable",
        Code.NETWORK_UNREACHABLE,
        "a server could not be reached",
    ),
    _p("protocol", r": Protocol not found", Code.INPUT_SCHEME, "FFmpeg knows no such protocol"),
)
_ENCODERS = (
    _p("encoder", r"Unknown encoder '(?P<name>[^']*)'", Code.ENCODER_MISSING, "no encoder {name}"),
    _p(
        "encoder-none",
        r"Automatic encoder selection failed|Default encoder for format (?P<name>\S+)",
        Code.ENCODER_MISSING,
        "the container has no default encoder for this stream",
    ),
    _p(
        "odd-size",
        r"(?P<side>width|height) not divisible by (?P<by>\d) \((?P<size>\d+x\d+)\)",
        Code.ENCODER_OPTIONS,
        "the encoder takes only {side}s divisible by {by}, not {size}",
        "scale or pad to even sizes",
    ),
    _p(
        "encoder-profile",
        r"(?P<what>\w+ profile doesn't support [\w:. ]+)",
        Code.ENCODER_OPTIONS,
        "{what}",
        "choose another profile or pixel format",
    ),
    _p(
        "encoder-preset",
        r"invalid (?P<what>preset|tune|profile):? '(?P<value>[^']*)'",
        Code.ENCODER_OPTIONS,
        "the encoder has no {what} '{value}'",
    ),
    _p(
        "sample-rate",
        r"Specified sample rate (?P<hz>\d+) is not supported by the (?P<name>\w+) encoder",
        Code.ENCODER_OPTIONS,
        "{name} cannot encode {hz} Hz",
        "resample to a rate that the encoder takes (48000 Hz nearly always is)",
    ),
    _p(
        "encoder-format",
        r"Specified (?P<what>pixel|sample) format \S+ is not supported|"
        r"Unknown pixel format requested",
        Code.ENCODER_OPTIONS,
        "the encoder does not take this format of samples",
    ),
    _p(
        "hardware",
        r"Cannot load (?P<library>lib\S+)|No device available for decoder|Device creation failed",
        Code.ENCODER_MISSING,
        "the hardware that this codec needs is not there",
        "choose a software encoder (libx264, libx265, libsvtav1)",
    ),
    _p(
        "encoder-value",
        r"Error setting option (?P<name>\w+) to value (?P<value>.*?)\.?$",
        Code.ENCODER_OPTIONS,
        "the encoder refuses {name}={value}",
    ),
    _p(
        "picture-invalid",
        r"Picture size (?P<size>\d+x\d+) is invalid",
        Code.MEDIA_TOO_LARGE,
        "the picture claims the impossible size {size}",
    ),
)
_FILTERS = (
    _p("filter", r"No such filter: '(?P<name>[^']*)'", Code.FILTER_MISSING, "no filter {name}"),
    _p(
        "filter-option",
        r"Error applying option '(?P<option>\w+)' to filter '(?P<name>\w+)': (?P<why>.*)",
        Code.FILTER_OPTIONS,
        "filter {name} refuses '{option}': {why}",
    ),
    _p(
        "filter-syntax",
        r"Error parsing (?:a filter description|filterchain)|Bad \(empty\?\) label",
        Code.FILTER_OPTIONS,
        "the filter graph cannot be parsed",
    ),
    _p(
        "filter-unconnected",
        r"Filter '(?P<name>\S+)' has (?P<what>output|input) (?P<pad>\d+ .*)unconnected",
        Code.PLAN_INVALID,
        "{what} {pad} of filter {name} goes nowhere",
    ),
    _p(
        "filter-file",
        r"could not be read or is empty|Cannot read file '|Unable to open \S+|"
        r"\[(?:Parsed_)?lut\w+.*: No such file or directory",
        Code.FILTER_FAILED,
        "a file that a filter reads is missing or not readable",
        "check the text, subtitle, font or LUT file of the operation",
    ),
    _p(
        "crop",
        r"Invalid too big or non positive size for width",
        Code.FILTER_OPTIONS,
        "the crop does not fit into the picture",
        "give a rectangle inside the picture; `reel probe FILE` shows its size",
    ),
    _p(
        "pad",
        r"Padded dimensions cannot be smaller than input",
        Code.FILTER_OPTIONS,
        "pad was asked for a size below that of its picture",
        "scale down first, or pad to a larger size",
    ),
    _p(
        "concat",
        r"parameters \((?P<one>[^)]*)\) do not match the corresponding output link",
        Code.FILTER_FAILED,
        "streams that differ ({one}) cannot be joined as they are",
        "scale, pad or resample them alike first",
    ),
    _p(
        "layout",
        r"channel layout .* is invalid or unsupported|Invalid channel layout",
        Code.FILTER_OPTIONS,
        "this channel layout cannot be made",
    ),
    _p(
        "expression",
        r"Error when evaluating the expression|Undefined constant or missing '\('",
        Code.FILTER_OPTIONS,
        "an expression in a parameter cannot be evaluated",
    ),
)
_COMMAND = (
    _p(
        "map",
        r"Stream map '.*' matches no streams|Stream specifier .* matches no streams",
        Code.STREAM_MISSING,
        "the input has no stream of the kind that is asked for",
    ),
    _p("label", r"Output with label '(?P<n>[^']*)' does not exist", Code.PLAN_INVALID, "no [{n}]"),
    _p("option", r"Unrecognized option '(?P<n>[^']*)'", Code.TOOL_VERSION, "unknown option -{n}"),
    _p(
        "in-place",
        r"FFmpeg cannot edit existing files in-place",
        Code.OUTPUT_DUPLICATE,
        "an output has the name of an input",
    ),
    _p(
        "demuxer",
        r"Unknown input format: '(?P<name>[^']*)'",
        Code.TOOL_VERSION,
        "this build of FFmpeg cannot read the format {name}",
    ),
    _p(
        "muxer",
        r"Requested output format '(?P<name>[^']*)' is not known",
        Code.OUTPUT_FORMAT,
        "this build of FFmpeg cannot write the format {name}",
    ),
    _p(
        "muxer-unknown",
        r"Unable to choose an output format for",
        Code.OUTPUT_FORMAT,
        "the name of the output does not say its format",
        "give a known extension, or `container`",
    ),
    _p(
        "bitstream-filter",
        r"Bitstream filter not found|is not supported by the bitstream filter",
        Code.MUX_FAILED,
        "the stream cannot be rewritten for this container",
    ),
)
_MUXERS = (
    _p(
        "container",
        r"(?P<what>(?:Only .* are|[Cc]odec .* not) (?:supported|compatible|currently supported).*)",
        Code.MUX_FAILED,
        "{what}",
    ),
    _p(
        "header",
        r"Could not write header|Could not find tag for codec (?P<codec>\S+)",
        Code.MUX_FAILED,
        "the container cannot hold a stream of this kind",
    ),
    _p(
        "no-streams",
        r"Output file does not contain any stream",
        Code.MEDIA_NO_STREAMS,
        "nothing was left to write",
    ),
    _p(
        "sequence",
        r"Cannot write more than one file with the same name",
        Code.OUTPUT_FORMAT,
        "a video cannot become one still picture",
        "use `thumbnail`, which says which frame",
    ),
    _p(
        "timestamps",
        r"Timestamps are unset in a packet|Application provided invalid.*(?:dts|DTS)|"
        r"Non-monotonic(?:ally increasing)? (?:DTS|dts)",
        Code.TIMESTAMPS_INVALID,
        "the times of the packets are missing or run backwards",
    ),
)
_INPUTS = (
    _p("moov", r"moov atom not found", Code.MOOV_MISSING, "the MP4 has no index (moov)"),
    _p(
        "encrypted",
        r"DRM protected stream|activation_bytes option is missing|[Dd]ecryption key",
        Code.MEDIA_ENCRYPTED,
        "the media is encrypted",
    ),
    _p(
        "header-damaged",
        r"EBML header parsing failed|invalid start code .* in RIFF header|error reading header|"
        r"Failed to find two consecutive MPEG audio frames|Invalid PNG signature|"
        r"No JPEG data found in image|contradictionary STSC and STCO",
        Code.MEDIA_DAMAGED,
        "the file does not begin as its format does",
    ),
    _p(
        "truncated",
        r"partial file|File ended prematurely|Truncating packet|stream \d+, offset 0x\w+",
        Code.MEDIA_TRUNCATED,
        "the file ends before its content does",
    ),
    _p(
        "codec",
        r"Decoder \(codec (?P<codec>\S+)\) not found|no decoder found for|"
        r"Decoding requested, but no decoder found|Unknown decoder '(?P<name>[^']*)'|"
        r"Could not find codec parameters for stream \d+ \((?P<what>[^)]*: (?:none|unknown))",
        Code.CODEC_UNSUPPORTED,
        "this build of FFmpeg has no decoder for the stream",
    ),
    _p(
        "packet",
        r"corrupt input packet|Packet corrupt|Error splitting the input into NAL units|"
        r"Invalid NAL unit size",
        Code.MEDIA_DAMAGED,
        "packets of the input are damaged",
    ),
    _p(
        "decode",
        r"\[dec:.*(?:Decoding error|Error submitting packet to decoder|Error processing packet)|"
        r"error while decoding MB|Decode error rate|concealing \d+ DC",
        Code.DECODE_FAILED,
        "a stream of the input does not decode",
    ),
    _p(
        "parameters",
        r"[Cc]ould not find codec parameters|Cannot determine format of input \S+ after EOF",
        Code.MEDIA_DAMAGED,
        "the file does not say what its streams are",
    ),
)
_FILES = (
    _p("missing", r": No such file or directory", Code.INPUT_NOT_FOUND, "a file is not there"),
    _p("directory", r": Is a directory", Code.INPUT_IS_DIRECTORY, "a folder stands for a file"),
    _p("read-only", r"Read-only file system", Code.PERMISSION_DENIED, "the disk is read-only"),
    _p(
        "denied",
        r"(?:Error opening|Cannot open|Could not open).*: (?:Permission denied|Operation not perm)",
        Code.SANDBOX_DENIED,
        "a file or an address was refused: by its permissions, or because it is not the step's own",
    ),
)
_GENERAL = (
    _p(
        "encoder-refused",
        r"Error while opening encoder|Error applying encoder options|Error selecting an encoder",
        Code.ENCODER_OPTIONS,
        "the encoder could not be opened with these options",
    ),
    _p(
        "filter-refused",
        r"Failed to configure (?:in|out)put pad|Error (?:re)?initializing filters",
        Code.FILTER_FAILED,
        "a filter could not take what it was given",
    ),
    _p(
        "nothing-encoded",
        r"Output file is empty, nothing was encoded",
        Code.RANGE_EMPTY,
        "nothing was encoded: the range lies outside the input",
    ),
    _p(
        "input-invalid",
        r"Error opening input.*(?:Invalid data found|End of file)",
        Code.MEDIA_UNRECOGNISED,
        "the input is not a media file that FFmpeg knows",
    ),
    _p("invalid-data", r"Invalid data found", Code.MEDIA_DAMAGED, "the input is damaged"),
    _p(
        "assertion",
        r"Assertion .* failed|failed to load library",
        Code.TOOL_CRASHED,
        "FFmpeg ran into an error of its own",
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    *_RESOURCES,
    *_WALLS,
    *_ENCODERS,
    *_FILTERS,
    *_COMMAND,
    *_MUXERS,
    *_INPUTS,
    *_FILES,
    *_GENERAL,
)
