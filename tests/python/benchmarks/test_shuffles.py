"""Bytes of a Spark event log are those of the model whose statement wrote them."""

from benchmarks.shuffles import shuffled

SQL, BUS = "org.apache.spark.sql.execution.ui.SparkListener", "SparkListener"


def started(execution, path):
    return {
        "Event": f"{SQL}SQLExecutionStart",
        "executionId": execution,
        "physicalPlanDescription": f"InsertIntoHadoopFsRelationCommand file:{path}, false",
    }


def job(execution, *stages):
    properties = {} if execution is None else {"spark.sql.execution.id": str(execution)}
    return {"Event": f"{BUS}JobStart", "Stage IDs": list(stages), "Properties": properties}


def task(stage, size):
    metrics = {"Shuffle Write Metrics": {"Shuffle Bytes Written": size}}
    return {"Event": f"{BUS}TaskEnd", "Stage ID": stage, "Task Metrics": metrics}


def test_bytes_are_those_of_the_model_that_is_written():
    events = [
        started(1, "/run/tables/stg_kkbox__usage"),
        job(1, 0, 1),
        task(0, 70),
        task(1, 7),
        started(2, "/run/given/rows"),
        job(2, 2),
        task(2, 500),
        job(None, 3),
        task(3, 900),
        {"Event": f"{BUS}TaskEnd", "Stage ID": 0},
        {"Event": f"{BUS}ApplicationEnd"},
    ]
    assert shuffled(events) == {"stg_kkbox__usage": 77}
