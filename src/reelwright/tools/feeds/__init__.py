"""RSS, Atom and podcast feeds: what they list, read at the pace of the XML parser."""
