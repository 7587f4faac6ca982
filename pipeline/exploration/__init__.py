"""What the notebooks share.

In the order of the flow: `data` reads a CHURN_HOME, `figures` and `preceding` draw.
"""

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
