"""Values: rational time, half-open ranges, MediaInfo, artifacts, digests. Knows no operator."""
