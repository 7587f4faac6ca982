"""Glossary and data: terms, origin of the figures, frozen outcomes and proofs."""

import json

import pandas as pd
import streamlit as st

from app.viewer import words
from app.viewer.context import context
from app.viewer.plain import plain
from app.viewer.published import one, rows
from pipeline.project.home import home


def _term(sentence: str) -> str:
    """A sentence as the meaning of a term."""
    return sentence[0].lower() + sentence.removesuffix(".")[1:]


page = context("Glossary and data")
domain = page.domain
st.subheader("Terms", anchor=False)
bands = ", ".join(
    f"{name} from {words.percent(domain[f'band_{name}'], 1)}"
    for name in ("critical", "high", "medium")
)
measured = one(
    page.generation,
    "select max(leaving_cost_days) as days from bi_customer_360 where domain = ?",
    page.name,
)
leaving_cost_days = measured["days"] if measured else None
TERMS = {
    "Leaving": f"a customer {domain['outcome']}; counted {domain['horizon']}",
    "Risk": "expected leavers among 100 customers like this one",
    "Risk band": f"{bands}, low below: {domain['bands_because']}",
    "At risk": _term(words.AT_RISK),
    "Cut-off": f"{page.cut_off}: the data end here, nothing from this day on is used",
    "Due": "day of the customer's decision to renew, as known at the cut-off",
    "Customer value": f"{domain['value_definition']}; in {page.currency}, before margin",
    "What leaving costs": _term(words.leaving_cost(leaving_cost_days)),
    "Value at risk": "risk times what leaving costs",
    "Driver": "a pattern in behaviour that moves the risk of many customers",
    "Reason": "a driver in one customer's behaviour: a sign of leaving or a sign of staying",
    "Typical": "the middle value among the customers the model learned from",
    "In the plan": "chosen by the plan: customers to contact and the control group",
    "To contact": "in the plan and not in the control group",
    "Control group": "drawn at random from the plan and not contacted, to measure what contacts do",
    "Permanent control group": "2 in 100 customers whom no plan contacts",
    "Break-even": "the risk above which an action earns more than it costs",
    "Response rate": "customers an action keeps, of 100 who would leave: assumed, or measured here",
    "Already cancelled": "leaves unless something changes; known, not predicted",
}
# a table of sentences: they wrap
st.table(
    pd.DataFrame({"Meaning": [plain(meaning) for meaning in TERMS.values()]}, index=list(TERMS))
)

st.subheader("Scored customers", anchor=False)
st.markdown(
    plain(f"{words.capitalised(domain['population'])}. Not scored: {domain['not_scored']}.")
)

st.subheader("Where the figures come from", anchor=False)
st.markdown(
    "1. Your raw files are read; rows that cannot be read are set aside and counted.\n"
    "2. What each customer did before the cut-off becomes their facts.\n"
    "3. Outcomes that are complete are frozen: they never change without a report.\n"
    "4. A model learns from facts and frozen outcomes, and gives every customer a risk with "
    "reasons.\n"
    "5. The plan chooses whom to contact within the budget.\n"
    "6. Everything is published at once: these pages, the CRM and other tools show the same."
)
page.link("nights", "What last night's run did")

st.subheader("Frozen outcomes", anchor=False)
cohorts = rows(
    page.generation,
    """
    select cohorts.as_of_date, sum(customers) as customers, sum(churners) as churners
    from bi_churn_cohorts as cohorts
    inner join bi_domains as domains using (domain, label_definition)
    where cohorts.domain = ? and cohorts.is_closed and cohorts.is_on_grid
    group by all order by all desc
    """,
    page.name,
)
if cohorts.empty:
    st.caption("No outcomes are known yet.")
else:
    st.dataframe(
        cohorts,
        hide_index=True,
        height=240,
        column_config={
            "as_of_date": st.column_config.DateColumn("Customers of", format="D MMM YYYY"),
            "customers": st.column_config.NumberColumn("Customers", format="%,d"),
            "churners": st.column_config.NumberColumn(page.outcome, format="%,d"),
        },
    )
    st.caption("Written once, when the last outcome was known. A later change is always reported.")

st.subheader("Proof that no future data were used", anchor=False)
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
        st.warning("The feature definitions have changed since, so the proof is out of date.")
else:
    st.caption("Not proven on these data yet. Your data team can do it.")

with st.expander("For your data team"):
    st.dataframe(
        pd.DataFrame(
            [
                ("Model", domain["run_id"]),
                ("Checksum of the model", domain["model_hash"]),
                ("Trained on customers up to", words.day(domain["trained_until"])),
                ("Checksum of the outcomes", domain["label_checksum"]),
                ("Checksum of the feature definitions", domain["feature_sql_hash"]),
                ("Published as", page.generation.name),
            ],
            columns=["Item", "Value"],
        ),
        hide_index=True,
    )
    st.markdown("The proof is made by `churn prove`, measurements of quality by `churn evaluate`.")
