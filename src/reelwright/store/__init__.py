"""SQL tables, queries, migrations; blobs (content-addressed files). Knows no tools.

The parts that others use are imported from their modules: `store.store` (`open_store`), `blobs`,
`jobs`, `steps`, `attempts`, `artifacts`, `probes`, `rates`, `prune`, `states`, `rows`.
"""
