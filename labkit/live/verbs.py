"""What a panel may be asked: one method a verb. Each changes the runs, the pace or the frames, no more."""

from collections.abc import Callable, Container

from labkit.live.frames import Frames
from labkit.live.mailbox import Message
from labkit.live.pace import Pace
from labkit.live.runs import Runs


class Verbs:
    """Obeys messages; ``message`` is the last remark, ``applied`` the number of the last message obeyed."""

    def __init__(self, runs: Runs, pace: Pace, frames: Frames) -> None:
        self._runs, self._pace, self._frames = runs, pace, frames
        self.message = ""
        self.applied = 0

    def obey(self, message: Message, allowed: Container[str] | None = None) -> bool:
        """Do what ``message`` says; say whether that is news for the browser.

        Args:
            message: ``do`` names the verb. Bad input becomes a remark, and changes nothing.
            allowed: verbs obeyed; others are only counted. All by default.
        """
        asked, remark = message["do"], self.message
        if allowed is None and asked in ("set", "begin", "play", "reset", "fork"):
            self.message = ""  # a new wish makes the last remark old
        try:
            self.applied = max(self.applied, int(message.get("sequence", 0)))
            if allowed is None or asked in allowed:
                self._verb(asked)(message)
        except KeyError as missing:
            self.message = f"{missing.args[0]}: got nothing; needed by {asked!r}"
        except (ValueError, TypeError) as error:
            self.message = str(error)
        # an acknowledgement, the most frequent message, changes nothing that is shown
        return asked != "ack" or self.message != remark

    def _verb(self, name: str) -> Callable[[Message], None]:
        verb = getattr(self, f"_do_{name}", None)
        if verb is None:
            verbs = sorted(name.removeprefix("_do_") for name in dir(self) if name.startswith("_do_"))
            raise ValueError(f"do: got {name!r}; allowed: {', '.join(verbs)}")
        return verb

    # ------------------------------------------------------------------------------ the browser

    def _do_ack(self, message: Message) -> None:
        drew = float(message.get("drew", 0.0))
        # at any other speed there is time left for drawing
        self._frames.acknowledged(int(message["seq"]), drew if self._pace.speed is None else 0.0)

    def _do_hello(self, message: Message) -> None:
        self._frames.hello()

    def _do_bye(self, message: Message) -> None:
        self._frames.listening = False
        self._pace.playing = False

    # --------------------------------------------------------------------------------- the pace

    def _do_play(self, message: Message) -> None:
        if self._runs.alive:
            self._pace.play()
        else:
            self.message = "this run has ended: reset it, or change a setting"

    def _do_pause(self, message: Message) -> None:
        self._pace.pause()

    def _do_step(self, message: Message) -> None:
        self._pace.step(int(message.get("count", 1)))

    def _do_speed(self, message: Message) -> None:
        self._pace.set_speed(message["value"])

    # --------------------------------------------------------------------------------- the runs

    def _do_set(self, message: Message) -> None:
        if self._runs.change(message["values"]):
            self._all_again()
        self._pace.hurry()  # the change acts now

    def _do_begin(self, message: Message) -> None:
        self._runs.restart(message["values"])
        self._pace.hurry()
        self._all_again()

    def _do_reset(self, message: Message) -> None:
        self._runs.reset()
        self._pace.hurry()
        self._all_again()

    def _do_fork(self, message: Message) -> None:
        self._runs.fork()

    def _do_pin(self, message: Message) -> None:
        self._runs.pin()

    def _do_focus(self, message: Message) -> None:
        self._runs.choose(message["branch"])
        self._frames.view_due()

    def _do_drop(self, message: Message) -> None:
        self._runs.drop(message["branch"])
        self._all_again()

    def _do_scrub(self, message: Message) -> None:
        self._runs.scrub(message["step"])
        self._frames.view_due()

    def _all_again(self) -> None:
        """Runs left, or the pictures themselves may have changed: who listens gets a full frame."""
        if self._frames.listening:
            self._frames.hello()
