"""The viewer: what a marketer opens in the morning, over the published tables."""
