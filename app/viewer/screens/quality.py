"""Track record: predictions against outcomes, simpler methods, earliness, drift, limits."""

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import Context, context
from app.viewer.published import AS_OF_LEAD, one, rows, titles

# Methods in the order of their colours; others follow.
METHODS = ("lightgbm", "logistic", "hand_rule", "recency", "base_rate")


def leaving(page: Context) -> str:
    """The meaning of leaving, as the help of a column."""
    return f"Leaving means that a customer {page.domain['outcome']}."


def last_list(page: Context) -> None:
    """Show the back-test: the newest customers whose outcome is known."""
    total = one(
        page.generation,
        """
        select
            max(as_of_date) as as_of_date,
            count(*) as customers,
            count(*) filter (where is_churned) as left_us,
            sum(churn_probability) as expected
        from bi_churn_backtest where domain = ?
        """,
        page.name,
    )
    if not total or not total["customers"]:
        st.info("No outcomes are known yet, so there is nothing to check.")
        st.stop()
    if page.domain["is_scored_day_measured"] is False:
        st.warning(
            "Nobody has measured how good the risks are on this day of the month. The back-test "
            "below is of the nearest day that was measured."
        )
    st.markdown(
        f"Back-test: the customers of **{words.day(total['as_of_date'])}**, scored with what was "
        "known that day by a model that had not seen their outcomes. We expected "
        f"{total['expected']:,.0f} of {words.count(total['customers'], 'customer')} to leave; "
        f"{total['left_us']:,} did."
    )
    by_band = rows(
        page.generation,
        """
        select
            risk_band,
            count(*) as customers,
            sum(churn_probability) as expected,
            count(*) filter (where is_churned) as left_us
        from bi_churn_backtest where domain = ?
        group by risk_band
        order by avg(churn_probability) desc
        """,
        page.name,
    )
    st.dataframe(
        by_band,
        hide_index=True,
        column_config={
            "risk_band": "Risk band",
            "customers": st.column_config.NumberColumn("Customers", format="%,d"),
            "expected": st.column_config.NumberColumn("Expected to leave", format="%,.0f"),
            "left_us": st.column_config.NumberColumn("Left", format="%,d", help=leaving(page)),
        },
    )
    searched = st.text_input(
        "Find a customer", key="customer", bind="query-params", placeholder="an ID"
    )
    found = rows(
        page.generation,
        """
        select customer_id, 100 * churn_probability as churn_probability, risk_band, is_churned
        from bi_churn_backtest
        where domain = ? and (? = '' or customer_id = ?)
        order by risk_rank
        limit 200
        """,
        page.name,
        searched,
        searched,
    )
    if found.empty:
        st.warning(
            f"{searched} is not in this back-test. It covers the scored customers of "
            f"{words.day(total['as_of_date'])}. Check the ID: upper and lower case matter."
        )
    else:
        st.dataframe(
            found,
            hide_index=True,
            height=280,
            column_config={
                "customer_id": "Customer",
                "churn_probability": st.column_config.ProgressColumn(
                    "Predicted risk", min_value=0, max_value=100, format="%.0f%%"
                ),
                "risk_band": "Risk band",
                "is_churned": st.column_config.CheckboxColumn("Left", help=leaving(page)),
            },
        )


def list_cut(page: Context) -> None:
    """Show the expected leavers and false alarms in the first part of today's list."""
    st.subheader("How far down the list?")
    cuts = rows(
        page.generation,
        "select * from bi_list_cuts where domain = ? order by percent",
        page.name,
    )
    if cuts.empty:
        st.caption("No customers are scored.")
        return
    share = st.slider("Riskiest customers, %", 1, 100, 10, key="cut", bind="query-params")
    cut = cuts[cuts["percent"] <= share].iloc[-1]
    first, second, third = st.columns(3)
    first.metric("Customers", f"{cut['customers']:,.0f}", border=True)
    second.metric("Expected to leave", f"{cut['expected_true_positives']:,.0f}", border=True)
    third.metric("Would stay anyway", f"{cut['expected_false_positives']:,.0f}", border=True)
    text = f"Everyone with a risk of {words.percent(cut['lowest_probability'], 1)} or more."
    if cut["precision_on_test"] == cut["precision_on_test"]:
        text += (
            f" In the back-test, {words.percent(cut['precision_on_test'])} of the customers in "
            "such a list left."
        )
    st.caption(text)


def beside_baselines(page: Context) -> None:
    """Show the figures that matter beside those of simpler methods."""
    st.subheader("Compared with simpler methods")
    found = rows(
        page.generation,
        """
        select model, metric, value
        from bi_model_quality
        where domain = ? and split = 'test'
            and metric in ('auc', 'log_loss', 'top_decile_capture')
        """,
        page.name,
    )
    gains = rows(
        page.generation,
        "select * from bi_gains where domain = ? and split = 'test' order by model, depth",
        page.name,
    )
    if found.empty or gains.empty:
        st.caption("No back-test has been published for this business.")
        return
    methods, metrics = (titles(page.generation, kind) for kind in ("model", "metric"))
    first, second = st.columns(2, gap="large")
    with first:
        st.altair_chart(charts.caught(gains, {name: methods[name] for name in METHODS} | methods))
        st.caption("Share of all leavers found in the first part of the list.")
    with second:
        bins = rows(
            page.generation,
            "select * from bi_calibration where domain = ? and split = 'test' order by bin",
            page.name,
        )
        st.altair_chart(charts.said_and_happened(bins))
        st.caption("On the dashed line, as many left as we predicted.")
    table = found.pivot_table(index="model", columns="metric", values="value").reset_index()
    table["model"] = table["model"].map(methods)
    st.dataframe(
        table.sort_values("log_loss"),
        hide_index=True,
        column_config={
            "model": "Method",
            "auc": st.column_config.NumberColumn(
                metrics["auc"],
                format="%.3f",
                help="How often a customer who left was ranked above one who stayed; 0.5 is "
                "chance.",
            ),
            "top_decile_capture": st.column_config.NumberColumn(
                metrics["top_decile_capture"],
                format="percent",
                help="Share of all leavers who were in the riskiest tenth of the list.",
            ),
            "log_loss": st.column_config.NumberColumn(
                metrics["log_loss"],
                format="%.4f",
                help="Log loss: how far the predicted risks were from what happened; lower is "
                "better.",
            ),
        },
    )


def over_time(page: Context) -> None:
    """Show how published scores turned out, how early churn can be seen, and drift."""
    st.subheader("Published scores and what happened")
    realised = rows(
        page.generation,
        "select as_of_date, customers, churners, mean_probability, churn_rate, auc "
        "from bi_realised_quality where domain = ? order by as_of_date",
        page.name,
    )
    if realised.empty:
        st.caption("The outcomes of published scores are not known yet.")
    else:
        st.dataframe(
            realised,
            hide_index=True,
            column_config={
                "as_of_date": st.column_config.DateColumn("Customers of", format="D MMM YYYY"),
                "customers": "Customers",
                "churners": st.column_config.NumberColumn("Left", help=leaving(page)),
                "mean_probability": st.column_config.NumberColumn(
                    "Average predicted risk", format="percent"
                ),
                "churn_rate": st.column_config.NumberColumn("Share that left", format="percent"),
                "auc": st.column_config.NumberColumn("Ranking accuracy (AUC)", format="%.3f"),
            },
        )
    st.subheader("How early can we tell?")
    leads = rows(
        page.generation,
        """
        select lead_days, value as auc
        from bi_model_quality_by_lead
        where domain = ? and population_code = ? and model = 'lightgbm' and metric = 'auc'
        order by lead_days
        """,
        page.name,
        AS_OF_LEAD,
    )
    if leads.empty:
        st.caption("Not measured yet: this needs due dates and an evaluation by your data team.")
    else:
        st.dataframe(
            leads,
            hide_index=True,
            column_config={
                "lead_days": st.column_config.NumberColumn(
                    "Days earlier", help="Before the day on which customers are usually scored."
                ),
                "auc": st.column_config.NumberColumn("Ranking accuracy (AUC)", format="%.3f"),
            },
        )
    st.subheader("Changes in the data")
    drift = rows(
        page.generation,
        """
        select coalesce(described.description, drift.kind) as what
        from bi_drift as drift
        left join bi_driver_importance as described
            on drift.domain = described.domain and drift.subject = described.feature
        where drift.domain = ? and drift.is_notable
        order by abs(drift.effect_log_odds) desc
        """,
        page.name,
    )
    if drift.empty:
        st.success("No change that matters for the scores.")
    else:
        kinds = titles(page.generation, "drift_kind")
        for row in drift.itertuples():
            st.markdown(f"- {kinds[row.what]}")
        st.caption("In these, the customers differ from those the model learned from.")


page = context("Track record")
last_list(page)
list_cut(page)
beside_baselines(page)
over_time(page)
st.subheader("Limits")
st.markdown(
    f"- Scored: {page.domain['population']}. Not scored: {page.domain['not_scored']}.\n"
    f"- Nothing that happened from {page.cut_off} on is included.\n"
    "- A risk says how many in 100 similar customers leave, not which of them.\n"
    f"- {words.PATTERNS}"
)
