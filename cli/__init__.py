"""The command line `churn`, one file a chapter of its help.

In the order of the flow: `flow` runs the steps, `proofs` and `quality` judge them, `models` chooses
what is live, `retention` decides what to do, `exports` and `workshop` serve those who build on it,
`api`, `services` and `launcher` serve what is published. `common` is what they share, `commands`
puts them together.
"""

from pipeline.project.environment import prepare_environment


def main() -> None:
    """Run the command line."""
    prepare_environment()

    from cli.commands import run

    run()
