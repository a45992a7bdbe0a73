"""What loudnorm's two passes print: numbers for the second pass, and the report for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.analysis import loudness
from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Analyser

# FFmpeg prints the summaries when it is done: nothing before the last part of a log is of interest.
_TAIL_BYTES = 1 << 18
# EBU R128 allows 1 LU where a target cannot be met exactly; a gain meets it to 0.1.
_TOLERANCE_DB = 1.0


class LoudnessLog(Analyser):
    """Eats the log of a command.

    `what` is ``measure`` (the first pass: gives what the second needs) or ``reached``. `params` are
    those of the tap; ``instance``, where given, names the one filter whose lines count.
    The results hold the readings under ``report.loudness``.
    """

    def __init__(self, what: str, params: Mapping[str, Any]) -> None:
        self._what = what
        self._params = params
        self._tail = bytearray()

    def feed(self, data: memoryview) -> None:
        self._tail += data
        if len(self._tail) > 2 * _TAIL_BYTES:
            del self._tail[:-_TAIL_BYTES]

    def finish(self) -> dict[str, Any]:
        """Raises LOUDNESS_MISSED where a linear gain is required and the peaks do not allow it,
        and where the result is not what was promised; TOOL_FAILED where there is no reading."""
        log = self._tail.decode("utf-8", "replace")
        try:
            if self._what == "reached":
                return self._reached(log)
            if self._params["linear"] == "dynamic":
                return self._second_pass(log)
            return self._gain(log)
        except LookupError as error:
            raise ReelError(
                Code.TOOL_FAILED,
                f"the loudness was not measured: {error}",
                evidence={"log": log_end(self._tail)},
            ) from error

    def _gain(self, log: str) -> dict[str, Any]:
        heard = loudness.parse_summary(log, self._params.get("instance"))
        target, peak = self._params["target"], self._params["true_peak"]
        gain = loudness.gain_towards(heard, target, peak)
        if gain.kind == "limited" and self._params["linear"] == "require":
            over = heard.true_peak_dbtp + gain.gain_db
            raise ReelError(
                Code.LOUDNESS_MISSED,
                f"{gain.gain_db:+.1f} dB would bring {heard.integrated_lufs:.1f} LUFS to"
                f" {target:g} LUFS, but the true peak to {over:.1f} dBTP, above {peak:g} dBTP",
                hint="lower `target`, raise `true_peak`, or allow limiting with `linear: prefer`",
            )
        is_limited = gain.kind == "limited"
        report: dict[str, Any] = {
            **loudness.report(heard, "input"),
            "target": target,
            "true_peak": peak,
            "gain_db": gain.gain_db,
            "linear": not is_limited,
            "normalization_type": gain.kind,
            "silent": heard.is_silent,
        }
        if self._params["range"] is not None:
            report["range_kept_within"] = heard.range_lu <= self._params["range"]
        rate_hz = self._params["rate"]
        return {
            "gain": f"{gain.gain_db:.2f}dB",
            "rate": max(rate_hz, loudness.TRUE_PEAK_RATE_HZ) if is_limited else rate_hz,
            "report": {"loudness": report},
        }

    def _second_pass(self, log: str) -> dict[str, Any]:
        first = loudness.parse_loudnorm(log, self._params.get("instance"))
        heard = loudness.Measurement(
            float(first["input_i"]),
            float(first["input_thresh"]),
            float(first["input_lra"]),
            float(first["input_tp"]),
        )
        report: dict[str, Any] = {
            **loudness.report(heard, "input"),
            "target": self._params["target"],
            "true_peak": self._params["true_peak"],
            "linear": not heard.is_measurable,
            "normalization_type": "dynamic" if heard.is_measurable else "unchanged",
            "silent": heard.is_silent,
        }
        values = loudness.second_pass(first, self._params["target"])
        # Linear with a gain of 0 is the one way in which loudnorm leaves silence alone.
        return {
            **values,
            "linear_option": int(not heard.is_measurable),
            "report": {"loudness": report},
        }

    def _reached(self, log: str) -> dict[str, Any]:
        heard = loudness.parse_summary(log, self._params.get("instance"))
        self._check(heard)
        missed = heard.integrated_lufs - self._params["target"] if heard.is_measurable else None
        report = {
            **loudness.report(heard, "output"),
            "missed_by_lu": None if missed is None else round(missed, 2),
        }
        return {"report": {"loudness": report}}

    def _check(self, heard: loudness.Measurement) -> None:
        """Louder than asked is always wrong; softer is right only where the peaks are in the way.
        FFmpeg's compressor promises nothing."""
        if self._params["linear"] == "dynamic" or not heard.is_measurable:
            return
        target, peak = self._params["target"], self._params["true_peak"]
        over = heard.integrated_lufs - target
        at_ceiling = heard.true_peak_dbtp >= peak - _TOLERANCE_DB
        if over > _TOLERANCE_DB or (over < -_TOLERANCE_DB and not at_ceiling):
            raise ReelError(
                Code.LOUDNESS_MISSED,
                f"the result has {heard.integrated_lufs:.1f} LUFS, not {target:g} LUFS,"
                f" and its true peak is {heard.true_peak_dbtp:.1f} dBTP",
                evidence={"log": log_end(self._tail)},
            )


def log_end(tail: bytes | bytearray) -> str:
    """The last lines, as evidence."""
    return bytes(tail[-2000:]).decode("utf-8", "replace")
