"""A screen outlives what goes wrong in it: Textual would end it at the first error, and its keys with it."""

from typing import TYPE_CHECKING, cast

from textual.message import Message
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from nlu_rl.tui.app import NluApp


class Outliving(MessagePump):
    """Name it before the kind of screen: `class AskDialog(Outliving, ModalScreen[str])`."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a dialog
            cast("NluApp", self.app).show_error(error)
