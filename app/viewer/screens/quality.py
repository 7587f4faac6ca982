"""Was it right: last month's list against what happened, figures beside baselines, limits."""

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import Context, context
from app.viewer.published import AS_OF_LEAD, one, rows


def last_list(page: Context) -> None:
    """What would have been said of the newest customers whose outcome is known."""
    told = one(
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
    if not told or not told["customers"]:
        st.info("No month's outcomes are known yet, so nothing can be checked.")
        st.stop()
    st.markdown(
        f"The customers of **{words.day(told['as_of_date'])}**, scored with what was known that "
        f"day by a model that had not seen them. We expected {told['expected']:,.0f} of "
        f"{words.count(told['customers'], 'customer')} to leave; {told['left_us']:,} did."
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
            "risk_band": "band",
            "customers": st.column_config.NumberColumn("customers", format="%,d"),
            "expected": st.column_config.NumberColumn("expected to leave", format="%,.0f"),
            "left_us": st.column_config.NumberColumn("left", format="%,d"),
        },
    )
    searched = st.text_input(
        "Look a customer up", key="customer", bind="query-params", placeholder="an id"
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
        st.warning(f"{searched} was not among them.")
    else:
        st.dataframe(
            found,
            hide_index=True,
            height=280,
            column_config={
                "customer_id": "customer",
                "churn_probability": st.column_config.ProgressColumn(
                    "risk we gave", min_value=0, max_value=100, format="%.0f%%"
                ),
                "risk_band": "band",
                "is_churned": st.column_config.CheckboxColumn("left"),
            },
        )


def list_cut(page: Context) -> None:
    """Expected right and false alarms when the list of today is cut somewhere."""
    st.subheader("How far down the list?")
    cuts = rows(
        page.generation,
        "select * from bi_list_cuts where domain = ? order by percent",
        page.name,
    )
    if cuts.empty:
        st.caption("There is no list.")
        return
    share = st.slider("Riskiest, % of the customers", 1, 100, 10, key="cut", bind="query-params")
    cut = cuts[cuts["percent"] <= share].iloc[-1]
    first, second, third = st.columns(3)
    first.metric("Customers", f"{cut['customers']:,.0f}", border=True)
    second.metric("Would leave", f"{cut['expected_true_positives']:,.0f}", border=True)
    third.metric("Would have stayed", f"{cut['expected_false_positives']:,.0f}", border=True)
    text = f"Everybody from a risk of {words.percent(cut['lowest_probability'], 1)} up."
    if cut["precision_on_test"] == cut["precision_on_test"]:
        text += (
            f" On the customers whose outcome is known, {words.percent(cut['precision_on_test'])} "
            "of such a list left."
        )
    st.caption(text)


def beside_baselines(page: Context) -> None:
    """The figures that matter, beside simpler ways to make the list."""
    st.subheader("Better than something simpler?")
    found = rows(
        page.generation,
        """
        select model, metric, value, ci_low, ci_high, rows, as_of_date
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
        st.caption("Nothing is measured yet.")
        return
    first, second = st.columns(2, gap="large")
    with first:
        st.altair_chart(charts.caught(gains, words.MODELS))
        st.caption("How many of those who left stand in the first part of the list.")
    with second:
        bins = rows(
            page.generation,
            "select * from bi_calibration where domain = ? and split = 'test' order by bin",
            page.name,
        )
        st.altair_chart(charts.said_and_happened(bins))
        st.caption("On the dashed line, what we said is what happened.")
    table = found.pivot_table(index="model", columns="metric", values="value").reset_index()
    table["model"] = table["model"].map(words.MODELS).fillna(table["model"])
    st.dataframe(
        table.sort_values("log_loss"),
        hide_index=True,
        column_config={
            "model": "way to make the list",
            "auc": st.column_config.NumberColumn(
                "tells apart",
                format="%.3f",
                help="How often a customer who left stood above one who stayed; 0.5 is chance.",
            ),
            "top_decile_capture": st.column_config.NumberColumn(
                "caught in the riskiest tenth",
                format="percent",
                help="Of all who left, how many stood in the first tenth of the list.",
            ),
            "log_loss": st.column_config.NumberColumn(
                "error of the risks",
                format="%.4f",
                help="Log loss: how surprised the risks were by what happened; lower is better.",
            ),
        },
    )


def over_time(page: Context) -> None:
    """Earlier scores that were really published, earliness, drift."""
    st.subheader("Scores that were published earlier")
    realised = rows(
        page.generation,
        "select as_of_date, customers, churners, mean_probability, churn_rate, auc "
        "from bi_realised_quality where domain = ? order by as_of_date",
        page.name,
    )
    if realised.empty:
        st.caption("No published score's outcome is known yet.")
    else:
        st.dataframe(
            realised,
            hide_index=True,
            column_config={
                "as_of_date": st.column_config.DateColumn("scored for", format="D MMM YYYY"),
                "churners": "left",
                "mean_probability": st.column_config.NumberColumn("risk we gave", format="percent"),
                "churn_rate": st.column_config.NumberColumn("share that left", format="percent"),
                "auc": st.column_config.NumberColumn("tells apart", format="%.3f"),
            },
        )
    st.subheader("What earliness costs")
    leads = rows(
        page.generation,
        """
        select lead_days, value as auc
        from bi_model_quality_by_lead
        where domain = ? and population = ? and model = 'lightgbm' and metric = 'auc'
        order by lead_days
        """,
        page.name,
        AS_OF_LEAD,
    )
    if leads.empty:
        st.caption("Not measured; `churn evaluate` does it where customers have a due date.")
    else:
        st.dataframe(
            leads,
            hide_index=True,
            column_config={
                "lead_days": "days earlier",
                "auc": st.column_config.NumberColumn("tells apart", format="%.3f"),
            },
        )
    st.subheader("Has anything drifted?")
    drift = rows(
        page.generation,
        """
        select coalesce(described.description, drift.kind) as what, drift.words
        from bi_drift as drift
        left join bi_driver_importance as described
            on drift.domain = described.domain and drift.subject = described.feature
        where drift.domain = ? and drift.is_notable
        order by abs(drift.effect_log_odds) desc
        """,
        page.name,
    )
    if drift.empty:
        st.success("Nothing that would matter to the scores.")
    else:
        for row in drift.itertuples():
            st.markdown(f"- {row.what}")
        st.caption("These look different from the customers the model learned from.")


page = context()
st.title("Was it right")
last_list(page)
list_cut(page)
beside_baselines(page)
over_time(page)
st.subheader("Limits")
st.markdown(
    f"- Only these are scored: {page.domain['population']}. Not: {page.domain['not_scored']}.\n"
    f"- What happened after {page.cut_off} is not known here.\n"
    "- A risk says how many of a hundred such customers leave, never which of them.\n"
    f"- {words.PATTERNS}"
)
