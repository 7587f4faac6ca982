"""Generates KKBox's raw files by a known process, data errors included.

In the order of the flow: `population` draws members, `membership` lives their months by the
`hazard` of leaving and their `decisions`, `state` and `ledger` keep books, `payments`, `listening`
and `profiles` are what it leaves behind, `labels` what came of it, `writing` writes it; `generate`
runs all of it. `planting` adds errors whose truth is known. `catalogue` and `days` are constants.
"""

from pipeline.demo.kkbox.generate import VERSION, generate_kkbox

__all__ = ["VERSION", "generate_kkbox"]
