"""KKBox's raw files as a known process would have made them, lies included."""

from pipeline.demo.kkbox.generate import VERSION, generate_kkbox

__all__ = ["VERSION", "generate_kkbox"]
