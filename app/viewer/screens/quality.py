"""Track record: what was published and what happened, the back-test, earliness, drift, limits."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import charts, files, words
from app.viewer.context import Context, chosen_or_stop, context
from app.viewer.plain import plain
from app.viewer.published import AS_OF_LEAD, Row, columns, one, rows, titles
from pipeline.report.contacted import contacted_in_words
from pipeline.report.run import GAIN, with_noise

# Methods in the order of their colours; others follow.
METHODS = ("lightgbm", "logistic", "hand_rule", "recency", "base_rate", "own_rate", "bg_nbd")
SHOW = 500
AT_RISK = "risk_band in ('critical', 'high')"
# Views of the customers whose outcome is known → name, condition, order.
VIEWS = {
    "all": ("All", "true", "churn_probability desc"),
    "false_alarms": (
        "False alarms",
        f"{AT_RISK} and not is_churned",
        "churn_probability desc",
    ),
    "missed": ("Missed", f"not {AT_RISK} and is_churned", "churn_probability"),
    "found": ("Found", f"{AT_RISK} and is_churned", "churn_probability desc"),
}
MEANINGS = {
    "all": "Everybody whose outcome is known, the riskiest first.",
    "false_alarms": "In the bands critical and high, and it did not happen.",
    "missed": "In the bands medium and low, and it happened. The least expected first.",
    "found": "In the bands critical and high, and it happened.",
}


def leaving(page: Context) -> str:
    """The meaning of leaving, as the help of a column."""
    return plain(f"Leaving means that a customer {page.domain['outcome']}.")


def published_scores(page: Context) -> Row | None:
    """Show what was published and what happened; return the newest, None if nothing is known."""
    st.subheader("What was published, and what happened", anchor=False)
    realised = rows(
        page.generation,
        """
        select
            run_id, as_of_date, customers, mean_probability * customers as expected, churners,
            mean_probability, churn_rate, auc
        from bi_realised_quality where domain = ? order by as_of_date desc, run_id
        """,
        page.name,
    )
    waiting = one(
        page.generation,
        """
        select as_of_date, max(label_known_on) as complete_on
        from bi_churn_history where domain = ? and is_churned is null
        group by as_of_date order by as_of_date limit 1
        """,
        page.name,
    )
    following = (
        f"The outcomes of the customers of {words.day(waiting['as_of_date'])} are complete on "
        f"{words.day(waiting['complete_on'])}."
        if waiting
        else ""
    )
    if realised.empty:
        st.info(
            f"The outcomes of published scores are not known yet. {following} Until then, the "
            "back-test below shows what to expect."
        )
        return None
    newest: dict[str, Any] = realised.iloc[0].to_dict()
    st.markdown(
        f"The scores published for **{words.day(newest['as_of_date'])}**, as they stood then."
    )
    first, second, third = st.columns(3)
    first.metric("Customers", f"{newest['customers']:,.0f}", border=True)
    second.metric(plain(f"{page.outcome}: expected"), f"{newest['expected']:,.0f}", border=True)
    third.metric(
        plain(f"{page.outcome}: happened"),
        f"{newest['churners']:,.0f}",
        help=leaving(page),
        border=True,
    )
    st.dataframe(
        realised.drop(columns="run_id"),
        hide_index=True,
        column_config={
            "as_of_date": st.column_config.DateColumn("Customers of", format="D MMM YYYY"),
            "customers": st.column_config.NumberColumn("Customers", format="%,d"),
            "expected": st.column_config.NumberColumn("Expected", format="%,.0f"),
            "churners": st.column_config.NumberColumn(
                page.outcome, format="%,d", help=leaving(page)
            ),
            "mean_probability": st.column_config.NumberColumn("Average risk", format="percent"),
            "churn_rate": st.column_config.NumberColumn("Share", format="percent"),
            "auc": st.column_config.NumberColumn(
                "Ranking accuracy (AUC)",
                format="%.3f",
                help="How often a customer who left was ranked above one who stayed; 0.5 is "
                "chance.",
            ),
        },
    )
    if following:
        st.caption(following)
    return newest


def contacted(page: Context) -> None:
    """Say whom the model is neither trained nor judged on, because they were contacted."""
    if not columns(page.generation, "bi_contacted_examples"):
        return
    found = rows(page.generation, "select * from bi_contacted_examples where domain = ?", page.name)
    told = contacted_in_words(found.to_dict("records"))
    if told:
        st.subheader("Customers who were contacted", anchor=False)
        st.markdown("\n".join(f"- {words.in_markdown(one)}" for one in told))


def back_test(page: Context) -> Row | None:
    """Show the newest customers whose outcome is known, scored by a model that had not seen it."""
    st.subheader("Back-test", anchor=False)
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
        return None
    if page.domain["is_scored_day_measured"] is False:
        st.warning(
            "Nobody has measured how good the risks are on this day of the month. The back-test "
            "below is of the nearest day that was measured."
        )
    st.markdown(
        f"Today's method on the customers of **{words.day(total['as_of_date'])}**, by a model that "
        "had not seen their outcomes. These scores were not published. "
        + plain(page.outcome)
        + f": expected {total['expected']:,.0f} of "
        f"{words.count(total['customers'], 'customer')}, happened {total['left_us']:,}."
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
            "expected": st.column_config.NumberColumn("Expected", format="%,.0f"),
            "left_us": st.column_config.NumberColumn(
                page.outcome, format="%,d", help=leaving(page)
            ),
        },
    )
    return total


def customers(page: Context, published: Row | None, tested: Row) -> None:
    """Show customer by customer what was expected and what happened."""
    st.subheader("Customer by customer", anchor=False)
    if published:
        source, values = (
            "bi_churn_history where domain = ? and run_id = ? and as_of_date = ? "
            "and is_churned is not null",
            [page.name, published["run_id"], published["as_of_date"]],
        )
        whose = f"Published scores of {words.day(published['as_of_date'])}."
    else:
        source, values = "bi_churn_backtest where domain = ?", [page.name]
        whose = f"Back-test on the customers of {words.day(tested['as_of_date'])}."
    view = next(iter(chosen_or_stop(page, "view", "view", VIEWS)), "all")
    with st.container(horizontal=True):
        for each, (name, where, _) in VIEWS.items():
            size = one(page.generation, f"select count(*) as n from {source} and {where}", *values)
            label = f"{name} ({size['n']:,})" if size else name
            if each == view:
                st.badge(label, color="blue")
            else:
                page.link("quality", label, view=each)
    st.caption(f"{whose} {MEANINGS[view]}")
    searched = st.text_input(
        "Find a customer", key="find", bind="query-params", placeholder="an ID"
    ).strip()
    _, where, order = VIEWS[view]
    found = rows(
        page.generation,
        f"select customer_id, 100 * churn_probability as churn_probability, risk_band, is_churned "
        f"from {source} and {where} and (? = '' or customer_id = ?) "
        f"order by {order}, customer_id",
        *values,
        searched,
        searched,
    )
    if found.empty:
        st.info(
            plain(
                f"{searched} is not among these customers. Check the ID: upper and lower case "
                "matter."
                if searched
                else "No customers here."
            )
        )
        return
    table(page, found)


def table(page: Context, found: pd.DataFrame) -> None:
    """Show customers with their risk and outcome, and offer all of them as a file."""
    st.dataframe(
        found.head(SHOW),
        hide_index=True,
        height=min(280, 36 * (len(found.head(SHOW)) + 1) + 2),
        column_config={
            "customer_id": "Customer",
            "churn_probability": st.column_config.NumberColumn("Risk then", format="%.0f%%"),
            "risk_band": "Risk band",
            "is_churned": st.column_config.CheckboxColumn(page.outcome, help=leaving(page)),
        },
    )
    if len(found) > SHOW:
        st.caption(f"Showing the first {SHOW:,} of {len(found):,}. The download includes all.")
    files.downloads(
        page, f"all {len(found):,}", "track record", lambda _: found, key="download_track_record"
    )


def list_cut(page: Context) -> None:
    """Show the expected leavers and false alarms in the first part of today's list."""
    st.subheader("How far down the list?", anchor=False)
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
    second.metric(
        plain(f"{page.outcome}: expected"),
        f"{cut['expected_true_positives']:,.0f}",
        border=True,
    )
    third.metric("Would stay anyway", f"{cut['expected_false_positives']:,.0f}", border=True)
    text = f"Everyone with a risk of {words.percent(cut['lowest_probability'], 1)} or more."
    if cut["precision_on_test"] == cut["precision_on_test"]:
        text += (
            f" In the back-test, it happened to {words.percent(cut['precision_on_test'])} of the "
            "customers in such a list."
        )
    st.caption(text)


def beside_baselines(page: Context) -> None:
    """Show the figures that matter beside those of simpler methods."""
    st.subheader("Compared with simpler methods", anchor=False)
    found = rows(
        page.generation,
        """
        select model, metric, value, ci_high
        from bi_model_quality
        where domain = ? and split = 'test'
            and metric in ('auc', 'log_loss', 'top_decile_capture', 'gain_of_lightgbm')
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
        tenth = gains[(gains["model"] == "lightgbm") & (gains["depth"] >= 0.1)].head(1)
        charts.show(
            charts.caught(gains, {name: methods[name] for name in METHODS} | methods),
            "Share of all leavers found in the first part of the list, by method."
            + "".join(
                f" The model finds {words.percent(share)} in the riskiest tenth."
                for share in tenth["captured"]
            ),
        )
        st.caption("Share of all leavers found in the first part of the list.")
    with second:
        bins = rows(
            page.generation,
            "select * from bi_calibration where domain = ? and split = 'test' order by bin",
            page.name,
        )
        charts.show(
            charts.said_and_happened(bins),
            "Predicted risk and the share that left, by groups of customers: "
            + ", ".join(
                f"{words.percent(row['mean_probability'])} predicted and "
                f"{words.percent(row['observed_rate'])} left"
                for row in bins.to_dict("records")
            )
            + ".",
        )
        st.caption("On the dashed line, as many left as we predicted.")
    gained = found[found["metric"] == GAIN].set_index("model")
    found = found[found["metric"] != GAIN]
    table = found.pivot_table(index="model", columns="metric", values="value").reset_index()
    table["gain"] = [
        with_noise(gained.value[model], gained.ci_high[model]) if model in gained.index else ""
        for model in table["model"]
    ]
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
            "gain": st.column_config.TextColumn(
                metrics[GAIN],
                help="How much lower the model's probability error is than the method's on the "
                "same customers. Within ± the difference may be chance.",
            ),
        },
    )


def over_time(page: Context) -> None:
    """Show how early churn can be seen, and drift."""
    st.subheader("How early can we tell?", anchor=False)
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
    st.subheader("Changes in the data", anchor=False)
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
            st.markdown(f"- {plain(kinds[row.what])}")
        st.caption("In these, the customers differ from those the model learned from.")


def corrections(page: Context) -> None:
    """Name the corrections of the raw data that the scores rest on."""
    if not columns(page.generation, "bi_corrections"):
        return  # published by an earlier version
    st.subheader("Corrections of the raw data", anchor=False)
    adopted = rows(
        page.generation,
        """
        select name, hypothesis, accepted_because, customers_touched, tested_at
        from bi_corrections
        where domain = ? and is_adopted and is_latest
        order by name
        """,
        page.name,
    )
    if adopted.empty:
        st.markdown("No correction is in use: the scores rest on the data as the files have them.")
        return
    for row in adopted.itertuples():
        because = (
            "Tested on past months, it made the scores better."
            if pd.isna(row.accepted_because)
            else f"It is in use without a proven gain: {plain(row.accepted_because)}"
        )
        st.markdown(
            f"- **{plain(row.name.replace('_', ' '))}** ({row.customers_touched:,} customers). "
            f"{plain(row.hypothesis)} {because}"
        )


page = context("Track record")
published = published_scores(page)
tested = back_test(page)
if tested is None:
    st.stop()
customers(page, published, tested)
list_cut(page)
beside_baselines(page)
contacted(page)
over_time(page)
corrections(page)
st.subheader("Limits", anchor=False)
st.markdown(
    f"- Scored: {plain(page.domain['population'])}. "
    f"Not scored: {plain(page.domain['not_scored'])}.\n"
    f"- Nothing that happened from {page.cut_off} on is included.\n"
    "- A risk says how many in 100 similar customers leave, not which of them.\n"
    f"- {words.PATTERNS}"
)
