"""Access control: `store` opens the API's tables, `keys` verifies keys, `gate` admits requests."""
