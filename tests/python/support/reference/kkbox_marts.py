"""KKBox's marts, each by the SQL and by the reference."""

from datetime import timedelta

from reference.compare import Table
from reference.kkbox_features import features_of_all
from reference.kkbox_labels import labels_of_all
from reference.stack import ask
from reference.worlds import World

from pipeline.warehouse.compiled_sql import CompiledModel


class Labels:
    """Labels by every definition."""

    def __init__(self, stack: list[CompiledModel]):
        self.stack = stack

    def reference(self, world: World) -> Table:
        """Rows by member, cut-off and definition."""
        return labels_of_all(world)

    def sql(self, world: World) -> Table:
        """Rows by member, cut-off and definition."""
        select = (
            "select customer_id, as_of_date, label_definition, "
            "expires_on, label_known_on, is_churned "
            "from kkbox.kkbox__labels"
        )
        return ask(world, self.stack, select, ("customer_id", "as_of_date", "label_definition"))


class Features:
    """The examples: spine and features, with labels by `lapse`."""

    def __init__(self, stack: list[CompiledModel]):
        self.stack = stack

    def reference(self, world: World) -> Table:
        """Rows by member and cut-off."""
        labels = labels_of_all(world)
        return {
            key: {
                "domain": "kkbox",
                "label_known_on": features["due_on"] + timedelta(days=30),
                "is_churned": labels.get((*key, "lapse"), {}).get("is_churned"),
                **features,
            }
            for key, features in features_of_all(world).items()
        }

    def sql(self, world: World) -> Table:
        """Rows by member and cut-off."""
        select = "select * from kkbox.kkbox__churn_examples"
        return ask(world, self.stack, select, ("customer_id", "as_of_date"))
