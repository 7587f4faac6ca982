"""The command line `churn`, one file a chapter of its help.

In the order of the flow: `connections` pulls from a database, `flow` runs the steps, `nightly` runs
them every night, `proofs` and `quality` judge them, `models` chooses the live model, `corrections`
tries what may be wrong in the raw rows, `retention` plans actions. `campaigns` turns a plan into a
campaign, `dispatch` sends its messages and `experiments` measures and learns; their commands meet
in `campaign_group`. `domains` adds a business, `engines` compares another engine's rows with
DuckDB's, `exports` and `workshop` are for analysts and developers, `alerts` says what is wrong,
`digest` mails the week, `safety` keeps what is stored whole, `people` says who may use the viewer,
`api`, `services` and `launcher` serve the published generation. `common` holds what commands share,
`commands` registers them.
"""

from pipeline.project.environment import prepare_environment


def main() -> None:
    """Run the command line."""
    prepare_environment()

    from cli.commands import run

    run()
