"""`churn prove` and `churn labels`: proofs on your own data that nothing leaks or changes."""

from typing import Annotated

import typer

from cli.common import Domain, app, console, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.runs.registry import live_name, live_run

label_commands = typer.Typer(help="Show, audit and refreeze frozen labels.", no_args_is_help=True)
app.add_typer(label_commands, name="labels")


@app.command()
def prove(
    domain: Domain = None,
    cut_offs: Annotated[int, typer.Option(min=1, help="Cut-offs to check in each domain.")] = 5,
) -> None:
    """Prove that no feature sees anything after its cut-off."""
    from pipeline import steps
    from pipeline.proofs import prove as proof
    from pipeline.report.info_sheet import write_info_sheet
    from pipeline.report.proof import show_proof

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
        found = proof.prove(context, cut_offs)
        for name in context.domains:
            if live_name(context.home, name):
                write_info_sheet(context, name, live_run(context.home, name))
    show_proof(context, found)


@label_commands.command("show")
def labels_show(domain: Domain = None) -> None:
    """List frozen labels: cohort, version, size and checksum."""
    from pipeline.report.labels import show_labels

    where = home()
    for name in [check_domain(domain, domain_entries())] if domain else domain_entries():
        show_labels(where, name, console)


@label_commands.command("audit")
def labels_audit(domain: Domain = None) -> None:
    """Check frozen labels against today's raw data and their checksums; fail on a mismatch."""
    from pipeline import steps
    from pipeline.labels import registry

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
    found = []
    for name in context.domains:
        frozen = registry.entries(context.home, name)
        found += registry.audit(context.home, name, context.entries[name].label_rule_version)
        context.say(f"{name}: audited {len(frozen)} frozen cohorts")
    if found:
        raise ChurnError(
            f"{len(found)} frozen cohorts do not match.",
            where="\n".join(map(str, found)),
            hint="The frozen labels stay in use. If the raw data are right: "
            + "\n".join(one.hint for one in found[:5]),
        )


@label_commands.command("refreeze")
def labels_refreeze(
    domain: Annotated[str, typer.Option(help="Domain of the labels.")],
    reason: Annotated[str, typer.Option(help="Reason, stored with the new version.")],
    cut_off: Annotated[
        str | None, typer.Option(help="Cut-off of the cohort; all that do not match by default.")
    ] = None,
    definition: Annotated[
        str | None, typer.Option(help="Label definition; all by default.")
    ] = None,
) -> None:
    """Freeze cohorts that no longer match the raw data again, or withdraw those they leave open."""
    from pipeline import steps
    from pipeline.labels import registry

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
        written = registry.refreeze(
            context.home,
            domain,
            cut_off=cut_off,
            definition=definition,
            reason=reason,
            rule_version=context.entries[domain].label_rule_version,
        )
        for cohort in written:
            what = (
                "withdrawn; the cohort is open again"
                if cohort.withdrawn_at
                else f"version {cohort.label_version}, {cohort.rows:,} labels, "
                f"{cohort.churners:,} churned"
            )
            context.say(f"{domain} {cohort.as_of_date}, {cohort.label_definition}: {what}")
        steps.build(context)
