"""Glossary and data: what the words mean, where the figures come from, what was proven."""

import json

import pandas as pd
import streamlit as st

from app.viewer import words
from app.viewer.context import context
from app.viewer.published import rows
from pipeline.project.home import home

page = context()
domain = page.domain
st.title("Glossary and data")
st.subheader("Words")
bands = ", ".join(
    f"{name} from {words.percent(domain[f'band_{name}'], 1)}"
    for name in ("critical", "high", "medium")
)
TERMS = {
    "leaving": f"a customer {domain['outcome']}; counted {domain['horizon']}",
    "risk": "how many of a hundred customers like this one are expected to leave",
    "risk band": f"{bands}, low below; fixed for each model",
    "the day the data end": f"{page.cut_off}; nothing from that day on was used",
    "due": "when the decision is expected, as known on that day",
    "customer value": f"{domain['value_definition']}; in {page.currency}, before margin",
    "value at risk": "risk times customer value",
    "reason": "what of this customer's behaviour moved the risk, beside what is usual",
    "left alone to measure": "chosen by the plan but not contacted, by chance, to see what "
    "contacts do",
    "break-even": "the risk from which an action earns more than it costs",
    "assumed, measured": "whether an action's success rate is a belief or was measured here",
    "already cancelled": "known to leave unless something changes; not a prediction",
}
st.dataframe(
    pd.DataFrame({"word": TERMS.keys(), "meaning": TERMS.values()}), hide_index=True, row_height=45
)

st.subheader("Who is scored")
st.markdown(f"{domain['population']}. Not scored: {domain['not_scored']}.")

st.subheader("Where the figures come from")
st.graphviz_chart(
    """
    digraph {
        rankdir=LR; node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];
        files [label="raw files"]; facts [label="behaviour\\nbefore the day"];
        outcomes [label="outcomes\\n(frozen)"]; model [label="model"]; risk [label="risk, reasons"];
        plan [label="plan"]; page [label="these pages, CRM, BI"];
        files -> facts -> model -> risk -> plan -> page; files -> outcomes -> model; risk -> page;
    }
    """
)
st.dataframe(
    pd.DataFrame(
        [
            ("model", domain["run_id"]),
            ("its fingerprint", domain["model_hash"]),
            ("learned from outcomes until", words.day(domain["trained_until"])),
            ("fingerprint of the outcomes", domain["label_checksum"]),
            ("fingerprint of the questions asked of the data", domain["feature_sql_hash"]),
            ("published as", page.generation.name),
        ],
        columns=["what", "which"],
    ),
    hide_index=True,
)

st.subheader("Frozen outcomes")
cohorts = rows(
    page.generation,
    """
    select cohorts.as_of_date, sum(customers) as customers, sum(churners) as churners
    from bi_churn_cohorts as cohorts
    inner join bi_domains as domains using (domain, label_definition)
    where cohorts.domain = ? and cohorts.is_closed
    group by all order by all desc
    """,
    page.name,
)
if cohorts.empty:
    st.caption("No month's outcomes are known yet.")
else:
    st.dataframe(
        cohorts,
        hide_index=True,
        height=240,
        column_config={
            "as_of_date": st.column_config.DateColumn("customers of", format="D MMM YYYY"),
            "customers": st.column_config.NumberColumn("customers", format="%,d"),
            "churners": st.column_config.NumberColumn("left", format="%,d"),
        },
    )
    st.caption("Written once when the last outcome was known, and never changed silently.")

st.subheader("Proofs that nothing from the future was used")
path = home().proofs / f"{page.name}.json"
if path.exists():
    proof = json.loads(path.read_text())
    compared = [found for found in proof["comparisons"] if found["lake"] in ("hidden", "garbage")]
    differences = sum(found["differences"] for found in compared)
    days = {found["as_of_date"] for found in compared}
    st.markdown(
        f"On {words.day(proof['proven_at'])} the facts of {len(days)} past days were computed "
        "again with everything later hidden, and again with garbage in its place: "
        f"**{words.count(differences, 'difference')}** in "
        f"{words.count(sum(found['rows'] for found in compared), 'customer row')}."
    )
    if proof["feature_sql_hash"] != domain["feature_sql_hash"]:
        st.warning("The questions asked of the data have changed since; prove again.")
else:
    st.caption("Not run on these data yet: `churn prove` does it.")
