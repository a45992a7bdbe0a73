"""Ray: its processes on this machine, and a connection to a cluster that costs nothing to lose."""
