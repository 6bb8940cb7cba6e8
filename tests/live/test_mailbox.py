"""Messages keep their order; only a dragged slider's own earlier positions are dropped."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from labkit.live.mailbox import Mailbox
from tests.waiting import PATIENCE

sets = st.fixed_dictionaries(
    {"do": st.just("set"), "values": st.dictionaries(st.sampled_from("abc"), st.integers(), min_size=1)}
)
commands = st.fixed_dictionaries({"do": st.sampled_from(["fork", "pause", "step"])})


def final(messages):
    """What a reader ends up with: values in force at every command, and at the end."""
    values, seen = {}, []
    for message in messages:
        if message["do"] == "set":
            values = {**values, **message["values"]}
        else:
            seen.append((message["do"], dict(values)))
    return seen, values


@given(st.lists(st.one_of(sets, commands), max_size=30))
def test_merging_changes_nothing_a_reader_can_see(messages):
    box = Mailbox()
    for message in messages:
        box.put(message)
    taken = box.take()
    assert final(taken) == final(messages)
    assert [m for m in taken if m["do"] != "set"] == [m for m in messages if m["do"] != "set"]
    assert box.take() == []


def test_a_dragged_slider_is_one_message():
    box = Mailbox()
    for value in range(1000):
        box.put({"do": "set", "values": {"rate": value}, "sequence": value})
    assert box.take() == [{"do": "set", "values": {"rate": 999}, "sequence": 999}]


def test_a_waiting_reader_wakes_at_once():
    box, woke = Mailbox(), []
    reader = threading.Thread(target=lambda: woke.append(box.wait(PATIENCE)))
    reader.start()
    box.put({"do": "pause"})
    reader.join(PATIENCE)
    assert woke == [True]


def test_wait_gives_up_after_its_time():
    began = time.monotonic()
    assert Mailbox().wait(0.05) is False
    assert time.monotonic() - began >= 0.05


def test_settled_means_nothing_left_to_read():
    box = Mailbox()
    box.put({"do": "pause"})
    box.rest()
    assert not box.settled(0), "a message is still waiting"
    box.take()
    box.rest()
    assert box.settled(0)


def test_many_writers_lose_nothing():
    box, count, seen = Mailbox(), 500, []

    def write(which):
        for number in range(count):
            box.put({"do": "step", "from": which, "number": number})

    writers = [threading.Thread(target=write, args=(which,)) for which in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += box.take()
    seen += box.take()
    for which in range(4):
        assert [m["number"] for m in seen if m["from"] == which] == list(range(count))
