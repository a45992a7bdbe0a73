"""The operators that come with Reelwright: declarations, one operator a file."""

from reelwright.graph.registry import Registry

_HERE = "reelwright.operators"

BUILTIN = {
    "fetch": f"{_HERE}.fetch.fetch:Fetch",
    "metadata": f"{_HERE}.fetch.metadata:Metadata",
    "captions": f"{_HERE}.fetch.captions:Captions",
    "keep": f"{_HERE}.fetch.keep:Keep",
    "trim": f"{_HERE}.video.trim:Trim",
    "scale": f"{_HERE}.video.scale:Scale",
    "crop": f"{_HERE}.video.crop:Crop",
    "rotate": f"{_HERE}.video.rotate:Rotate",
    "fps": f"{_HERE}.video.fps:Fps",
    "pad": f"{_HERE}.video.pad:PadFrame",
    "thumbnail": f"{_HERE}.video.thumbnail:Thumbnail",
    "volume": f"{_HERE}.audio.volume:Volume",
    "fade": f"{_HERE}.audio.fade:Fade",
    "loudnorm": f"{_HERE}.audio.loudnorm:Loudnorm",
    "mix": f"{_HERE}.audio.mix:Mix",
    "waveform": f"{_HERE}.audio.waveform:Waveform",
    "concat": f"{_HERE}.compose.concat:Concat",
    "overlay": f"{_HERE}.compose.overlay:Overlay",
    "drawtext": f"{_HERE}.compose.drawtext:DrawText",
    "shots": f"{_HERE}.analyse.shots:Shots",
    "keyframes": f"{_HERE}.analyse.keyframes:Keyframes",
    "candidates": f"{_HERE}.analyse.candidates:Candidates",
    "speech": f"{_HERE}.analyse.speech:Speech",
    "transcribe": f"{_HERE}.analyse.transcribe:Transcribe",
    "embed_text": f"{_HERE}.analyse.embed_text:EmbedText",
    "embed_frames": f"{_HERE}.analyse.embed_frames:EmbedFrames",
    "read_text": f"{_HERE}.analyse.read_text:ReadText",
    "describe": f"{_HERE}.analyse.describe:Describe",
    "summarise": f"{_HERE}.analyse.summarise:Summarise",
    "commentate": f"{_HERE}.analyse.commentate:Commentate",
    "index": f"{_HERE}.index.index:Index",
}

REGISTRY = Registry(BUILTIN)
