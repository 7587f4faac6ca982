"""Generates the event files of a shop by a known process, data errors included.

In the order of the flow: `categories` and `catalogue` fill the shop, `customers` and `tastes` its
people, `process` and `calendar` decide when they come, `visits` and `events` what they do, `log`
writes it; `forward` and `truth` compute what could be known. `generate` runs all of it.
"""

from pipeline.demo.ecommerce.generate import VERSION, generate_ecommerce

__all__ = ["VERSION", "generate_ecommerce"]
