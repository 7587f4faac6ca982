"""What the notebooks share: reading a CHURN_HOME, and figures that say only what they computed."""

from pipeline.exploration.data import Exploration
from pipeline.exploration.figures import (
    caption,
    per_cent,
    rate_with_interval,
    say,
    show,
    style,
    survival,
)
from pipeline.exploration.preceding import rates_by_value, strongest

__all__ = [
    "Exploration",
    "caption",
    "per_cent",
    "rate_with_interval",
    "rates_by_value",
    "say",
    "show",
    "strongest",
    "style",
    "survival",
]
