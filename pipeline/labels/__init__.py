"""Labels that never change again: `freeze` writes closed cohorts, `registry` audits them."""
