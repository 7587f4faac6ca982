"""Generates the event files of a shop by a known process, data errors included."""

from pipeline.demo.ecommerce.generate import VERSION, generate_ecommerce

__all__ = ["VERSION", "generate_ecommerce"]
