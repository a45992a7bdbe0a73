"""Models as the settings have them: chains and keys, budgets, costs, records, prompts."""
