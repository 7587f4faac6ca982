"""What campaigns changed, as it was published."""

import pandas as pd
import streamlit as st

from app.viewer import charts, words
from app.viewer.context import Context
from app.viewer.plain import plain
from app.viewer.published import Row, columns, one, rows, titles


def result(page: Context, campaign_id: str) -> None:
    """Show what a launched campaign changed, or why that cannot be told."""
    st.subheader("Result")
    found = None
    if columns(page.generation, "bi_campaigns"):
        found = one(
            page.generation,
            "select * from bi_campaigns where domain = ? and campaign_id = ?",
            page.name,
            campaign_id,
        )
    if found is None:
        st.info("It was launched after the last publish. The next one shows its result here.")
        return
    _verdict(page, found)
    _early_sign(found)
    if found["effect"] is None:
        return
    _figures(page, found)
    _everybody(found)
    _parts(page, campaign_id)


def _verdict(page: Context, found: Row) -> None:
    code, until = found["verdict_code"], words.day(found["closes_on"])
    if code == "helped":
        st.success("It worked: more customers stayed than chance explains.")
    elif code == "harmed":
        st.error("It did harm: fewer customers stayed than chance explains.")
    elif code == "not_told":
        st.info("Cannot be told at this size: chance can explain the difference.")
    elif code == "decide_now":
        st.success(f"Decide now: the difference is larger than chance, before {until}.")
    elif code == "wait":
        st.info(
            f"Wait until {until}: {found['outcomes_known']:,} of {found['customers']:,} outcomes "
            "are known."
        )
    elif code == "no_control":
        st.warning("Cannot be told: there is no control group.")
    else:
        why = titles(page.generation, "campaign_check")[found["failed_check"]]
        st.error(f"Cannot be told. {why}. No effect is shown.")


def _early_sign(found: Row) -> None:
    """Show how scores changed, while there is no outcome, and say what that is not."""
    # not in what was published before it was measured
    if found.get("early_sign_on") is None or found.get("early_sign") is None:
        return
    change, low, high = (
        100 * found[name] for name in ("early_sign", "early_sign_low", "early_sign_high")
    )
    st.info(
        f"Early sign, not an effect: by {words.day(found['early_sign_on'])} the risk of those to "
        f"contact had changed by {change:+.1f} points against the control group's (95% interval: "
        f"{low:+.1f} to {high:+.1f}; below 0 is better). A score follows what customers do, and "
        "only the outcome tells whether they stayed."
    )


def _everybody(found: Row) -> None:
    """Show what the campaign changed for all customers who were scored."""
    if found.get("global_lift") is None:
        return
    st.caption(
        f"It was to contact {100 * found['coverage']:.1f}% of the {found['customers_scored']:,} "
        f"scored customers. Over all of these, {_points(found)} more of 100 stayed."
    )


def _points(found: Row) -> str:
    lift, low, high = (
        f"{100 * found[name]:+.2f}"
        for name in ("global_lift", "global_lift_low", "global_lift_high")
    )
    return f"{lift} (95% interval: {low} to {high})"


def _figures(page: Context, found: Row) -> None:
    first, second, third = st.columns(3)

    def span(low: float | None, high: float | None, amount: bool) -> str:
        if low is None or high is None:
            return ""
        said = [words.money(x, page.currency) if amount else f"{x:,.0f}" for x in (low, high)]
        return f"95% interval: {said[0]} to {said[1]}"

    first.metric("Customers kept", f"{found['customers_kept']:,.0f}", border=True)
    first.caption(span(found["customers_kept_low"], found["customers_kept_high"], False))
    for column, name, title in (
        (second, "incremental_revenue", "More revenue"),
        (third, "incremental_profit", "Profit after its cost"),
    ):
        column.metric(title, words.money(found[name], page.currency), border=True)
        column.caption(
            words.in_markdown(span(found[f"{name}_low"], found[f"{name}_high"], True))
            or f"Known on {words.day(found['closes_on'])}"
        )


def _parts(page: Context, campaign_id: str) -> None:
    found = rows(
        page.generation,
        """
        select
            slice, part, 100 * effect as effect, 100 * ci_low as low, 100 * ci_high as high,
            100 * shrunk_effect as shrunk, customers_treated, customers_control, verdict
        from bi_campaign_lift
        where domain = ? and campaign_id = ? and measure = 'stayed' and effect is not null
        order by slice = 'all' desc, slice desc, part
        """,
        page.name,
        campaign_id,
    )
    if found.empty:
        return
    of = titles(page.generation, "campaign_slice")
    named = found.assign(
        part=[
            of[row.slice] if row.slice == "all" else f"{of[row.slice]}: {row.part}"
            for row in found.itertuples()
        ]
    )
    st.altair_chart(charts.effects(named))
    st.caption(
        "Everybody counts in the group that was drawn, reached or not. A part with few customers "
        "says little alone: “best guess” draws it towards the others."
    )
    st.dataframe(
        named[["part", "customers_treated", "customers_control", "effect", "shrunk", "verdict"]],
        hide_index=True,
        column_config={
            "part": "Members",
            "customers_treated": st.column_config.NumberColumn("To contact", format="%,d"),
            "customers_control": st.column_config.NumberColumn("Control group", format="%,d"),
            "effect": st.column_config.NumberColumn("More of 100 stayed", format="%+.1f"),
            "shrunk": st.column_config.NumberColumn("Best guess", format="%+.1f"),
            "verdict": "Verdict",
        },
    )


def earned(page: Context) -> None:
    """Show what the contacts of all plans earned, quarter by quarter."""
    st.subheader("What retention earned")
    found = pd.DataFrame()
    if columns(page.generation, "bi_retention_earned"):
        found = rows(
            page.generation,
            "select * from bi_retention_earned where domain = ? order by quarter_start desc",
            page.name,
        )
    if found.empty:
        st.caption(
            "The outcomes of the first plans are not known yet. Then this table compares everybody "
            "whom plans contacted with their control groups, with or without a campaign."
        )
        return
    shown = pd.DataFrame(
        {
            "Quarter": [f"from {words.day(day)}" for day in found["quarter_start"]],
            "To contact": found["customers_treated"],
            "Control group": found["customers_control"],
            "Customers kept": [
                "" if pd.isna(kept) else f"{kept:,.0f}" for kept in found["customers_kept"]
            ],
            "Profit after the cost": [
                "" if pd.isna(amount) else words.money(amount, page.currency)
                for amount in found["incremental_profit"]
            ],
            "95% interval": [
                ""
                if pd.isna(low)
                else f"{words.money(low, page.currency)} to {words.money(high, page.currency)}"
                for low, high in zip(
                    found["incremental_profit_low"], found["incremental_profit_high"], strict=True
                )
            ],
            **_over_everybody(found),
            "Verdict": [plain(verdict) for verdict in found["verdict"]],
        }
    )
    st.dataframe(shown, hide_index=True)
    st.caption("The cost is that of the plans: what contacts and accepted offers were expected to.")


def _over_everybody(found: pd.DataFrame) -> dict[str, list[str]]:
    """What the contacts of quarters changed for all customers who were scored."""
    # not in what was published before it was measured
    if "global_lift" not in found.columns:
        return {}
    return {
        "More of 100 scored customers stayed": [
            "" if pd.isna(row["global_lift"]) else _points(row) for row in found.to_dict("records")
        ]
    }
