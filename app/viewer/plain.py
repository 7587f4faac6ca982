"""Text from the data, shown as it is: never as Markdown, formula, picture or link."""

import re
from typing import Any

# What Markdown gives a meaning anywhere in a line, and only at its beginning.
_ANYWHERE = re.compile(r"([\\`*_\[\]<>~$&|])")
_AT_THE_BEGINNING = re.compile(r"^([-+#=:]|\d+(?=[.)]))")
# Streamlit reads `:name:`, `:colour[…]`, arrows and addresses after escapes are gone; a joiner has
# no width and takes them apart.
_DIRECTIVE_OR_ADDRESS = re.compile(
    r":(?=\w|//)|(?<=www)(?=\.)|(?=@)|-(?=[->])|<(?=-)", re.IGNORECASE
)
_JOINER = "\u2060"


def plain(text: Any) -> str:
    """Return a text from the data for a place that reads Markdown, such as a label."""
    one_line = " ".join(str("" if text is None else text).split())
    joined = _DIRECTIVE_OR_ADDRESS.sub(lambda found: found[0] + _JOINER, one_line)
    return _AT_THE_BEGINNING.sub(_escaped, _ANYWHERE.sub(r"\\\1", joined))


def _escaped(found: re.Match[str]) -> str:
    """A mark with a backslash; of a number, the mark behind it gets one."""
    return f"{found[0]}{_JOINER}" if found[0].isdigit() else f"\\{found[0]}"
