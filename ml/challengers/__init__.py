"""Models from outside, judged beside ours and never live.

`slot` is what a challenger has to have, and finds one by its name.
"""
