"""The shop's marts, each by the SQL and by the reference."""

from datetime import timedelta

from reference.compare import Table
from reference.ecommerce_features import features_of_all
from reference.ecommerce_labels import Rule, labels_of_all
from reference.stack import ask
from reference.worlds import World

from pipeline.warehouse.compiled_sql import CompiledModel


class Labels:
    """The labels."""

    def __init__(self, stack: list[CompiledModel], rule: Rule | None = None):
        self.stack, self.rule = stack, rule or Rule()

    def reference(self, world: World) -> Table:
        """Rows by customer, cut-off and definition."""
        return labels_of_all(world, self.rule)

    def sql(self, world: World) -> Table:
        """Rows by customer, cut-off and definition."""
        select = (
            "select customer_id, as_of_date, label_definition, label_known_on, is_churned "
            "from ecommerce.ecommerce__labels"
        )
        return ask(world, self.stack, select, ("customer_id", "as_of_date", "label_definition"))


class Features:
    """The examples: spine and features."""

    def __init__(self, stack: list[CompiledModel], rule: Rule | None = None):
        self.stack, self.rule = stack, rule or Rule()

    def reference(self, world: World) -> Table:
        """Rows by customer and cut-off."""
        labels = labels_of_all(world, self.rule)
        return {
            (customer, cut_off): {
                "domain": "ecommerce",
                "label_known_on": cut_off + timedelta(days=self.rule.horizon_days),
                "is_churned": labels.get((customer, cut_off, self.rule.name), {}).get("is_churned"),
                **features,
            }
            for (customer, cut_off), features in features_of_all(world, self.rule).items()
        }

    def sql(self, world: World) -> Table:
        """Rows by customer and cut-off."""
        select = "select * from ecommerce.ecommerce__churn_examples"
        return ask(world, self.stack, select, ("customer_id", "as_of_date"))
