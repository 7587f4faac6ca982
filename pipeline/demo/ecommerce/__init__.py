"""The event files of a shop as a known process would have made them, lies included."""

from pipeline.demo.ecommerce.generate import VERSION, generate_ecommerce

__all__ = ["VERSION", "generate_ecommerce"]
