"""`itemroom chat`: a room in the terminal."""

from .arguments import ItemId, Token, TokenFile, Url
from .failures import Failure


def chat(
    item: ItemId, *, url: Url = None, token: Token = None, token_file: TokenFile = None
) -> None:
    """Talk in an item's room: what was said, who is here, who is typing.

    Enter sends, Page Up shows what was before, Ctrl+R drops the connection and resumes, Ctrl+C
    ends. What is sent while the connection is lost arrives when it is back.
    """
    try:
        # Textual is an extra: nothing else of the command line may need it.
        from .connecting import failure_of, room_of
        from .terminal import Chat
    except ModuleNotFoundError as error:
        sentence = "The chat needs Textual: install `itemroom[tui]`."
        raise Failure(sentence) from error
    app = Chat(room_of(item, url, token, token_file))
    app.run()
    if app.refused is not None:
        raise failure_of(app.refused)
