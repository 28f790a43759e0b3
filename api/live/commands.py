"""What a client's frames ask to be stored, as commands of the writer."""

from ..history.bodies import encode_body
from ..history.commands import Command
from ..history.messages import Delete, Edit, Publish, React, Stored
from ..history.streams import Finish, Start, Stop
from ..rights.access import Access
from ..settings import Settings
from .client_frames import (
    DeleteFrame,
    EditFrame,
    FinishFrame,
    PublishFrame,
    ReactFrame,
    StartFrame,
    StopFrame,
)

StoredFrame = (
    PublishFrame | EditFrame | DeleteFrame | ReactFrame | StartFrame | FinishFrame | StopFrame
)


def command_of(frame: StoredFrame, access: Access, settings: Settings) -> Command[Stored]:
    """The command that a frame asks for.

    Raises:
        Refusal: as `body_of`.
    """
    match frame:
        case PublishFrame():
            return Publish(access=access, ref=frame.ref, body=body_of(frame.body, settings))
        case EditFrame():
            body = body_of(frame.body, settings)
            return Edit(access=access, ref=frame.ref, target=frame.target, body=body)
        case DeleteFrame():
            return Delete(access=access, ref=frame.ref, target=frame.target)
        case StartFrame():
            return Start(access=access, ref=frame.ref, body=body_of(frame.body, settings))
        case FinishFrame():
            return Finish(
                access=access,
                ref=frame.ref,
                target=frame.target,
                state=frame.state,
                error=None if frame.error is None else body_of(frame.error, settings),
                body=None if frame.body is None else _grown(frame.body, settings),
            )
        case StopFrame():
            return Stop(access=access, ref=frame.ref, target=frame.target)
        case _:
            return React(
                access=access,
                ref=frame.ref,
                target=frame.target,
                value=frame.value,
                on=frame.on,
            )


def _grown(value: object, settings: Settings) -> bytes:
    """In place of what has grown: as large as that may have become."""
    limits = {"max_bytes": settings.max_stream_bytes, "max_nesting": settings.max_nesting}
    return encode_body(value, **limits)


def body_of(value: object, settings: Settings) -> bytes:
    """A body as it is stored.

    Raises:
        Refusal: `bad_message` or `too_big`.
    """
    return encode_body(value, max_bytes=settings.max_body_bytes, max_nesting=settings.max_nesting)
