"""What is proven on one's own data: that nothing leaks, that frozen labels still hold."""

from typing import Annotated

import typer

from pipeline.cli.common import Domain, app, console, make_plan, writing
from pipeline.domains import check_domain, domain_entries
from pipeline.errors import ChurnError
from pipeline.models import live_name, live_run
from pipeline.settings import home

label_commands = typer.Typer(help="Frozen labels.", no_args_is_help=True)
app.add_typer(label_commands, name="labels")


@app.command()
def prove(
    domain: Domain = None,
    cut_offs: Annotated[int, typer.Option(min=1, help="Cut-offs of each domain.")] = 5,
) -> None:
    """Prove that no feature knows what came after its cut-off."""
    from pipeline import prove as proof
    from pipeline import steps
    from pipeline.info_sheet import write_info_sheet

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
        found = proof.prove(plan, cut_offs)
        for name in plan.domains:
            if live_name(plan.home, name):
                write_info_sheet(plan, name, live_run(plan.home, name))
    proof.show_proof(plan, found)


@label_commands.command("show")
def labels_show(domain: Domain = None) -> None:
    """Show what is frozen: every cohort, version, size and checksum."""
    from pipeline import label_registry

    where = home()
    for name in [check_domain(domain, domain_entries())] if domain else domain_entries():
        label_registry.show(where, name, console)


@label_commands.command("audit")
def labels_audit(domain: Domain = None) -> None:
    """Fail where raw data, or files that were changed, contradict frozen labels."""
    from pipeline import label_registry, steps

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
    found = []
    for name in plan.domains:
        frozen = label_registry.entries(plan.home, name)
        found += label_registry.audit(plan.home, name, plan.entries[name]["label_rule_version"])
        plan.say(f"{name}: {len(frozen)} frozen cohorts audited")
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
    from pipeline import label_registry, steps

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
        written = label_registry.refreeze(
            plan.home,
            domain,
            cut_off=cut_off,
            definition=definition,
            reason=reason,
            rule_version=plan.entries[domain]["label_rule_version"],
        )
        for entry in written:
            plan.say(
                f"{domain} {entry['as_of_date']}, {entry['label_definition']}: version "
                f"{entry['label_version']}, {entry['rows']:,} labels, {entry['churners']:,} churned"
            )
        steps.build(plan)
