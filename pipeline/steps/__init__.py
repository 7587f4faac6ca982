"""The steps of a run, in order. A step whose inputs have not changed is skipped.

`building` makes labels, features and examples, `training` trains and scores, `publishing` builds
what depends on scores and publishes it. A domain that is refused or that fails at a step is left
out of the later ones: it keeps what was last published of it, and the other domains go on.
"""

from pipeline.steps.building import build
from pipeline.steps.publishing import decisions_published, finish
from pipeline.steps.training import decide, is_past, learn_and_score, score, train

__all__ = [
    "build",
    "decide",
    "decisions_published",
    "finish",
    "is_past",
    "learn_and_score",
    "score",
    "train",
]
