"""Proof that nothing leaks: `time_travel` rebuilds features, `prove` runs all comparisons."""
