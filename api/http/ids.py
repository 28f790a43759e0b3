"""Ids and names that come in addresses, where they are looked for as they are."""

from typing import Annotated

from pydantic import AfterValidator


def _askable(text: str) -> str:
    """The text, or nothing, which nobody is called: PostgreSQL cannot be asked for U+0000."""
    return "" if "\0" in text else text


Askable = Annotated[str, AfterValidator(_askable)]
