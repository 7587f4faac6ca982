"""Generates KKBox's raw files by a known process, data errors included."""

from pipeline.demo.kkbox.generate import VERSION, generate_kkbox

__all__ = ["VERSION", "generate_kkbox"]
