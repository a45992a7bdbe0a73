"""Parameter types for operators: each converts what a person writes, says what it takes, and has a
JSON Schema. Use them as annotations of `Params` fields; `Field(...)` bounds may stand beside them.
"""

from reelwright.graph.params.amounts import Bitrate, ByteSize, Level, Loudness
from reelwright.graph.params.form import Form, WrittenNumber
from reelwright.graph.params.picture import Color, Length, Position, Resolution
from reelwright.graph.params.places import FilePath, StreamRef
from reelwright.graph.params.plain import Boolean, Integer, List, Number, Object, String
from reelwright.graph.params.times import Duration, Moment, Rate, Ratio, TimecodeText

__all__ = [
    "Bitrate",
    "Boolean",
    "ByteSize",
    "Color",
    "Duration",
    "FilePath",
    "Form",
    "Integer",
    "Length",
    "Level",
    "List",
    "Loudness",
    "Moment",
    "Number",
    "Object",
    "Position",
    "Rate",
    "Ratio",
    "Resolution",
    "StreamRef",
    "String",
    "TimecodeText",
    "WrittenNumber",
]
