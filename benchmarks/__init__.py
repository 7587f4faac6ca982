"""Benchmarks: ratios of two measurements taken side by side in one run.

Machines are shared and noisy, so seconds are shown but ratios are compared with aims; no benchmark
fails on either. A benchmark is a module with a function `measure(bench) -> list[Figure]` and a line
in `registry.py`. It keeps its data below `bench.folder` for the next run.
"""
