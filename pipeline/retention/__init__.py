"""What is done about churn: the catalogue's checks, imported decisions, the plan in words."""
