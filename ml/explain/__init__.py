"""Why a score is what it is: `tree_shap` computes the exact `drivers`, `pictures` draw."""
