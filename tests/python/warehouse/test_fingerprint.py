"""A recipe is its code: words about it do not make another one."""

from pipeline.warehouse.fingerprint import _bare

CODE = '"""A module."""\n\n\ndef fit(x):\n    """Fit."""\n    return x + 1  # one more\n'


def test_words_about_code_make_no_other_recipe():
    assert _bare(CODE) == _bare(CODE.replace("Fit.", "Learn.").replace("one more", "a step"))
    assert _bare(CODE) == _bare(CODE.replace('"""A module."""\n', ""))


def test_other_code_makes_another_recipe():
    assert _bare(CODE) != _bare(CODE.replace("+ 1", "+ 2"))
