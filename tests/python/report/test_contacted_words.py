"""The pages say how many examples contacts leave out, and how many stand for others."""

from pipeline.report.contacted import contacted_in_words


def row(split, reason, rows, stand_for=0.0):
    return {
        "split": split,
        "reason": reason,
        "rows": rows,
        "stand_for": stand_for,
        "examples": 65_220,
    }


def test_without_contacts_nothing_is_said():
    assert contacted_in_words([]) == []


def test_what_is_left_out_and_what_counts_more_is_said_for_each_split():
    training, test = contacted_in_words(
        [
            row("test", "outside_plan", 41, 82.0),
            row("training", "control_of_plan", 2_031, 4_062.0),
            row("training", "treated_by_plan", 2_673),
        ]
    )
    assert training == (
        "Of the 65,220 examples of what the model learned from, 2,673 are left out, because a "
        "contact may have changed what these customers did. 2,031 of control groups count for "
        "4,062, so that the cohort stays whole."
    )
    assert "what it is judged on, 41 are left out" in test
    assert "neither is right" in test and "control groups" not in test
