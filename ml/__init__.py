"""Train, evaluate, explain and score on the contract mart; no feature logic."""
