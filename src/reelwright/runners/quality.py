"""Runs a step that looks for the CRF which keeps a sample at an asked-for VMAF."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import input_options
from reelwright.planning.plan import Step, StepKind
from reelwright.runners.context import StepResult

if TYPE_CHECKING:
    from reelwright.runners.context import StepContext

_TRIAL = "trial.mkv"
_SCORES = "vmaf.json"
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "level+info", "-nostats", "-y")


async def run(step: Step, context: StepContext) -> StepResult:
    """Bisects: VMAF falls as CRF rises. Where even the best CRF misses the target, that one is
    taken and the report says so. The result is ``{"crf", "vmaf", "tried"}``."""
    tried: dict[int, float] = {}
    cpu_seconds, rss = 0.0, 0
    low, high = int(step.payload["lowest"]), int(step.payload["highest"])
    best = low
    while low <= high:
        crf = (low + high) // 2
        score, used = await _measure(step, context, crf)
        tried[crf] = score
        cpu_seconds += used.cpu_seconds
        rss = max(rss, used.max_rss_bytes)
        if score >= float(step.payload["target"]):
            best, low = crf, crf + 1
        else:
            high = crf - 1
    if best not in tried:
        tried[best], _ = await _measure(step, context, best)
    result: dict[str, Any] = {
        "crf": best,
        "vmaf": tried[best],
        "target": step.payload["target"],
        "is_reached": tried[best] >= float(step.payload["target"]),
        "tried": {str(k): v for k, v in sorted(tried.items())},
    }
    output = step.outputs[0].name
    path = context.workspace / output
    path.write_text(json.dumps(result), encoding="utf-8")
    node = step.payload["node"]
    return StepResult(
        files={output: (path,)},
        results={node: result},
        report={"quality": {node: result}},
        cpu_seconds=cpu_seconds,
        max_rss_bytes=rss,
    )


async def _measure(step: Step, context: StepContext, crf: int) -> tuple[float, StepResult]:
    """One trial: encode the sample, compare it with itself before."""
    from reelwright.runners import ffmpeg

    for name in (*(i.name for i in step.inputs), _TRIAL, _SCORES):
        (context.workspace / name).unlink(missing_ok=True)
    sample = step.inputs[0]
    options = [str(x) for pair in step.payload["options"] for x in (f"-{pair[0]}:v", pair[1])]
    opened = (*input_options("matroska"), "-i")
    encode = (
        *("ffmpeg", *_QUIET, *opened, sample.name, "-map", "0:v"),
        *("-c:v", step.payload["codec"], *options, "-crf:v", str(crf)),
        *("-fps_mode", "passthrough", "-f", "matroska", f"file:{_TRIAL}"),
    )
    graph = f"[0:v][1:v]libvmaf=log_fmt=json:log_path={_SCORES}:n_threads={step.threads}"
    compare = (
        *("ffmpeg", *_QUIET, *opened, _TRIAL, *opened, sample.name),
        *("-filter_complex", graph, "-f", "null", "-"),
    )
    trial = replace(step, kind=StepKind.FFMPEG, commands=(encode, compare), outputs=(), payload={})
    done = await ffmpeg.run(trial, context)
    try:
        scores = json.loads((context.workspace / _SCORES).read_text(encoding="utf-8"))
        return float(scores["pooled_metrics"]["vmaf"]["mean"]), done
    except (OSError, ValueError, KeyError) as error:
        raise ReelError(
            Code.TOOL_FAILED, f"VMAF was not measured: {error}", where=step.id
        ) from error
