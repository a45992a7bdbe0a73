"""The frozen DAG, its walk and rewrite; base operator, ports, parameter types, registry."""
