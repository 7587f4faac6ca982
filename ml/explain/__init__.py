"""Explains scores: `tree_shap` computes the exact `drivers`, `pictures` draws them."""
