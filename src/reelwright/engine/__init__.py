"""State machine, scheduler, leases, cache, retry: the only writer of job and step states."""
