"""JobSpec: what was asked, its parsing (YAML, JSON) and its versions. No I/O while parsing."""
