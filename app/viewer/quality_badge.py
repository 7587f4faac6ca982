"""How good the scores are, in one figure with advice: on every page."""

import streamlit as st

from app.viewer.published import Published, one
from app.viewer.quality_figure import Quality, quality_by


def quality_of(generation: Published, domain: str) -> Quality | None:
    """Return the quality of a domain's scores; None if nothing was measured."""
    return quality_by(lambda sql, name: one(generation, sql, name), domain)


def show_badge(quality: Quality | None) -> None:
    """Show the figure, the advice and where it comes from."""
    if quality is None:
        st.caption("Quality of the scores: not measured yet.")
        return
    pairs = quality.pairs
    st.markdown(
        f"**Quality of the scores: {quality.word}**",
        help=f"Of 100 pairs of a customer who left and one who stayed, {pairs} were ranked right "
        "(50 would be chance).",
    )
    st.caption(f"{pairs} of 100 pairs ranked right. {quality.advice} {quality.origin}")
