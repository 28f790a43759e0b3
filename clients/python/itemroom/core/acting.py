"""Whom a service key acts for, by their username."""

AS_HEADER = "Itemroom-As"
# `ext:`, a mark where two issuers have one subject, and the subject's 128 characters.
MAX_LENGTH = 160


def check_acting(username: str) -> str:
    """The username, if a header can hold it and somebody can be called so.

    Raises:
        ValueError: nobody can.
    """
    if not username or len(username) > MAX_LENGTH or not username.isprintable():
        raise ValueError(f"a username has 1 to {MAX_LENGTH} printable characters")
    return username
