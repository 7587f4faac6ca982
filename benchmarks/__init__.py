"""Benchmarks: ratios of two things measured side by side in one run.

Machines are shared and noisy, so seconds are shown and ratios are judged; nothing fails on either.
A benchmark is one module here with a function `measure(bench) -> list[Figure]` and one line in
`registry.py`. It prepares what it needs below `bench.folder` and leaves it for the next run.
"""
