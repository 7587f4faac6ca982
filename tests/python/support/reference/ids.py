"""The rules for ids a text at a time, from their description."""

import re
import unicodedata

UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}


def spelling(text: str, nothing: tuple[str, ...]) -> str | None:
    """The one spelling of an id; None if it is not one."""
    while text and unicodedata.category(text[0]) in UNSEEN:
        text = text[1:]
    while text and unicodedata.category(text[-1]) in UNSEEN:
        text = text[:-1]
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    number, point, zeros = text.partition(".")
    if point and re.fullmatch("-?[0-9]+", number) and not zeros.strip("0"):
        if abs(int(number)) >= 2**53:
            return None
        text = number
    if not text or text.lower() in {word.lower() for word in nothing}:
        return None
    is_scientific = re.fullmatch("-?[0-9.]+[eE][+-]?[0-9]+", text) and re.search("[.+]", text)
    return None if is_scientific else text
