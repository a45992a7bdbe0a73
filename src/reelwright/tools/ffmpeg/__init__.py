"""FFmpeg's own languages: demuxer names, progress, error messages."""
