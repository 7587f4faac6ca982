"""Demo raw files: behaviour made by a known process, so that the best reachable score is known."""

from pipeline.demo.run import generate, show_ceiling, show_next

__all__ = ["generate", "show_ceiling", "show_next"]
