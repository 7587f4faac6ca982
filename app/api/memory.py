"""The garbage collector of a process that serves."""

import gc


def settle() -> None:
    """Collect garbage, and take what is left for what stays.

    Libraries, models and prepared statements are half a million objects; looking through them again
    and again pauses requests.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
