{#- One row per experiment, arm other than the control, and measure ('outcome', 'revenue'): the
    difference from the control per customer as assigned, with its interval.
    Strata are weighted by n1 n0 / (n1 + n0) (Cochran 1954); one that lacks an arm weighs nothing.
    Shares: the hybrid score interval of Newcombe (1998, Statistics in Medicine 17, method 10), over
    strata as in Yan and Su (2010, Statistics in Biopharmaceutical Research 2), which is the same
    for one stratum. Revenue: Welch (1947), the quantile of t from the normal one by the expansion
    of Abramowitz and Stegun 26.7.5.
    totals       as `arms_totalled` gives them
    experiments  of experiment, control_arm, expected (outcomes at the planned end; null for the
                 fixed interval), alpha, quantile (normal, of 1 - alpha / 2), units (how many
                 revenue units make one of money; null without revenue) -#}
{% macro lifts_measured(totals, experiments) -%}
    with

    so_far as (
        select
            experiment,
            cast(sum(converted) as double) as converted
        from {{ totals }}
        group by experiment
    ),

    counted as (
        select
            totals.*,
            experiments.control_arm,
            experiments.units,
            {{ critical_value(
                'so_far.converted', 'experiments.expected', 'experiments.alpha',
                'experiments.quantile'
            ) }} as z,
            experiments.expected is not null as is_running,
            cast(totals.converted as double) / totals.customers as share,
            cast(totals.revenue_units as double) / totals.customers as mean_units,
            -- exact up to the last division, so that large sums do not cancel
            cast(
                totals.customers * totals.revenue_squares
                - totals.revenue_units * totals.revenue_units as double
            ) / totals.customers / nullif(totals.customers - 1, 0) as variance_units
        from {{ totals }} as totals
        inner join {{ experiments }} as experiments
            on totals.experiment = experiments.experiment
        inner join so_far on totals.experiment = so_far.experiment
    ),

    paired as (
        select
            treated.experiment,
            treated.arm,
            treated.z,
            treated.is_running,
            treated.units,
            cast(treated.customers as double) as n1,
            cast(control.customers as double) as n0,
            treated.share as p1,
            control.share as p0,
            treated.mean_units as m1,
            control.mean_units as m0,
            treated.variance_units / treated.customers as v1,
            control.variance_units / control.customers as v0
        from counted as treated
        inner join counted as control
            on
                treated.experiment = control.experiment
                and treated.stratum = control.stratum
                and treated.control_arm = control.arm
        where treated.arm <> treated.control_arm
    ),

    weighted as (
        select
            *,
            n1 * n0 / (n1 + n0)
            / sum(n1 * n0 / (n1 + n0)) over (partition by experiment, arm) as w
        from paired
    ),

    summed as (
        select
            experiment,
            arm,
            max(z) as z,
            count(*) as strata,
            sum(w * (p1 - p0)) as effect,
            sum(w * w / n1) as lambda1,
            sum(w * w / n0) as lambda0,
            -- what is left of z for each stratum, so that the weighted limits are at z together;
            -- where nothing varies, as if everything varied alike
            max(z) * coalesce(
                sqrt(sum(w * w * p1 * (1 - p1) / n1))
                / nullif(sum(w * sqrt(p1 * (1 - p1) / n1)), 0),
                sqrt(sum(w * w / n1)) / sum(w / sqrt(n1))
            ) as z1,
            max(z) * coalesce(
                sqrt(sum(w * w * p0 * (1 - p0) / n0))
                / nullif(sum(w * sqrt(p0 * (1 - p0) / n0)), 0),
                sqrt(sum(w * w / n0)) / sum(w / sqrt(n0))
            ) as z0
        from weighted
        group by experiment, arm
    ),

    limited as (
        select
            summed.experiment,
            summed.arm,
            sum(weighted.w * {{ wilson_limit('weighted.p1', 'weighted.n1', 'summed.z1', '-') }})
                as low1,
            sum(weighted.w * {{ wilson_limit('weighted.p1', 'weighted.n1', 'summed.z1', '+') }})
                as high1,
            sum(weighted.w * {{ wilson_limit('weighted.p0', 'weighted.n0', 'summed.z0', '-') }})
                as low0,
            sum(weighted.w * {{ wilson_limit('weighted.p0', 'weighted.n0', 'summed.z0', '+') }})
                as high0
        from summed
        inner join weighted
            on summed.experiment = weighted.experiment and summed.arm = weighted.arm
        group by summed.experiment, summed.arm
    ),

    spread as (
        select
            experiment,
            arm,
            max(z) as z,
            count(*) as strata,
            sum(w * (m1 - m0)) / max(units) as effect,
            sqrt(sum(w * w * (v1 + v0))) / max(units) as standard_error,
            power(sum(w * w * (v1 + v0)), 2) / nullif(
                sum(power(w, 4) * (v1 * v1 / nullif(n1 - 1, 0) + v0 * v0 / nullif(n0 - 1, 0))), 0
            ) as freedom
        from weighted
        where units is not null
        group by experiment, arm
    ),

    controls as (
        select
            experiment,
            sum(customers) as customers
        from counted
        where arm = control_arm
        group by experiment
    ),

    sized as (
        select
            treated.experiment,
            treated.arm,
            bool_or(treated.is_running) as is_running,
            cast(sum(treated.customers) as bigint) as n_arm,
            cast(max(controls.customers) as bigint) as n_control
        from counted as treated
        inner join controls on treated.experiment = controls.experiment
        where treated.arm <> treated.control_arm
        group by treated.experiment, treated.arm
    ),

    measured as (
        select
            summed.experiment,
            summed.arm,
            'outcome' as outcome,
            summed.strata,
            summed.effect,
            greatest(-1, summed.effect - summed.z * sqrt(greatest(
                0,
                summed.lambda1 * limited.low1 * (1 - limited.low1)
                + summed.lambda0 * limited.high0 * (1 - limited.high0)
            ))) as ci_low,
            least(1, summed.effect + summed.z * sqrt(greatest(
                0,
                summed.lambda1 * limited.high1 * (1 - limited.high1)
                + summed.lambda0 * limited.low0 * (1 - limited.low0)
            ))) as ci_high,
            case
                when summed.strata > 1 then 'stratified Newcombe (Yan and Su 2010)'
                else 'Newcombe (1998) hybrid score'
            end as method
        from summed
        inner join limited
            on summed.experiment = limited.experiment and summed.arm = limited.arm
        union all
        select
            experiment,
            arm,
            'revenue' as outcome,
            strata,
            effect,
            effect - standard_error * (
                z + (power(z, 3) + z) / (4 * freedom)
                + (5 * power(z, 5) + 16 * power(z, 3) + 3 * z) / (96 * freedom * freedom)
            ) as ci_low,
            effect + standard_error * (
                z + (power(z, 3) + z) / (4 * freedom)
                + (5 * power(z, 5) + 16 * power(z, 3) + 3 * z) / (96 * freedom * freedom)
            ) as ci_high,
            case when strata > 1 then 'stratified Welch (1947)' else 'Welch (1947)' end as method
        from spread
    )

    select
        measured.experiment,
        measured.arm,
        measured.outcome,
        sized.n_arm,
        sized.n_control,
        measured.strata,
        measured.effect,
        measured.ci_low,
        measured.ci_high,
        measured.method
        || case when sized.is_running then ', running (Waudby-Smith et al. 2024)' else '' end
            as method
    from measured
    inner join sized
        on measured.experiment = sized.experiment and measured.arm = sized.arm
{%- endmacro %}
