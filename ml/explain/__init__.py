"""Why a score is what it is.

In the order of the flow: `tree_shap` computes what `drivers` gives out exactly, `pictures` draws.
"""
