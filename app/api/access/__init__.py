"""Who comes in: `store` opens the API's tables, `keys` knows the keys, `gate` lets requests in."""
