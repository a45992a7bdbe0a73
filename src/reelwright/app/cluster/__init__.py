"""Many machines: agents, who may join, what the cluster is like, and its wiring."""
