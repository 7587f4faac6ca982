"""What is proven on one's own data: that nothing leaks, that frozen labels still hold."""

from typing import Annotated

import typer

from cli.common import Domain, app, console, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.runs.registry import live_name, live_run

label_commands = typer.Typer(help="Frozen labels.", no_args_is_help=True)
app.add_typer(label_commands, name="labels")


@app.command()
def prove(
    domain: Domain = None,
    cut_offs: Annotated[int, typer.Option(min=1, help="Cut-offs of each domain.")] = 5,
) -> None:
    """Prove that no feature knows what came after its cut-off."""
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
    """Show what is frozen: every cohort, version, size and checksum."""
    from pipeline.report.labels import show_labels

    where = home()
    for name in [check_domain(domain, domain_entries())] if domain else domain_entries():
        show_labels(where, name, console)


@label_commands.command("audit")
def labels_audit(domain: Domain = None) -> None:
    """Fail where raw data, or files that were changed, contradict frozen labels."""
    from pipeline import steps
    from pipeline.labels import registry

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
    found = []
    for name in context.domains:
        frozen = registry.entries(context.home, name)
        found += registry.audit(context.home, name, context.entries[name].label_rule_version)
        context.say(f"{name}: {len(frozen)} frozen cohorts audited")
    if found:
        raise ChurnError(
            f"{len(found)} frozen cohorts are contradicted.",
            where="\n".join(map(str, found)),
            hint="The frozen labels stay in use. If the raw data are right: "
            "churn labels refreeze --domain D --reason WHY.",
        )


@label_commands.command("refreeze")
def labels_refreeze(
    domain: Annotated[str, typer.Option()],
    reason: Annotated[str, typer.Option(help="Why; kept with the labels.")],
    cut_off: Annotated[str | None, typer.Option(help="Only this cohort.")] = None,
    definition: Annotated[str | None, typer.Option(help="Only this definition.")] = None,
) -> None:
    """Freeze contradicted cohorts anew as the raw data have them today, as a new version."""
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
            context.say(
                f"{domain} {cohort.as_of_date}, {cohort.label_definition}: version "
                f"{cohort.label_version}, {cohort.rows:,} labels, {cohort.churners:,} churned"
            )
        steps.build(context)
