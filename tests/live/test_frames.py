"""Frames: what is new, within the budget, never more than a few on their way."""

import numpy as np
import pytest
import torch
import toy

from labkit.history import History
from labkit.live import frames as module
from labkit.live.branch import Branch
from labkit.live.frames import (
    DRAW_SHARE,
    FRAME_BYTES,
    FRAME_SHARE,
    IN_FLIGHT,
    LONG_SILENCE,
    SILENCE,
    SLOWEST,
    VIEW_INTERVAL,
    Frames,
)
from labkit.rows import Rows


class Clock:
    """Time on the wall and time at work, which pass when told to."""

    now = work = 1000.0

    def monotonic(self):
        return self.now

    def thread_time(self):
        return self.work


CLOUD = np.eye(2)


class Line:
    """Frames over toy runs, with everything that was sent."""

    def __init__(self, *branches, cloud=CLOUD):
        self.branches, self.sent, self.cost, self.delay = branches, [], 0.0, 0.0
        self.cloud, self.about = cloud, dict
        self.frames = Frames(self.receive)

    def receive(self, frame, buffers):
        clock.work += self.cost
        clock.now += self.cost + self.delay
        self.sent.append((frame, buffers))

    def send(self):
        views = (0, 0, {"cloud": self.cloud})
        return self.frames.send(lambda: self.about(), self.branches, lambda: views, lambda b: [])

    def exchange(self, count):
        """So many frames, each acknowledged, at the pace asked for."""
        for _ in range(count):
            clock.now += self.frames.due_in(True)
            self.send()
            self.frames.acknowledged(self.frames.sequence)

    def spans(self, table="columns"):
        return [(p["start"], p["count"]) for frame, _ in self.sent for p in frame.get(table, [])]


clock = Clock()


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    clock.now = 1000.0
    monkeypatch.setattr(module, "time", clock)


def run(steps):
    branch = Branch(0, History(toy.Config()), 0, experiment=toy.Toy(toy.Config(), torch.device("cpu")))
    for _ in range(steps):
        branch.advance()
    return branch


def stored(count, width):
    """A branch that only holds ``count`` recorded rows."""
    history = History(toy.Config())
    history.scalars = Rows.of([f"c{i}" for i in range(width)], np.arange(count), np.ones((count, width)))
    return Branch(0, history, 0, role="pinned")


def test_nothing_is_due_before_somebody_listens():
    line = Line(run(3))
    assert line.frames.due_in(True) == float("inf")
    line.frames.hello()
    assert line.frames.due_in(False) == float("inf"), "listening, but nothing to say"
    assert line.frames.due_in(True) == 0


def test_the_first_frame_is_full_and_the_next_holds_only_what_is_new():
    branch = run(5)
    line = Line(branch)
    line.frames.hello()
    line.exchange(1)
    branch.advance()
    line.exchange(1)
    assert [frame["full"] for frame, _ in line.sent] == [True, False]
    assert "pictures" in line.sent[0][0] and "pictures" not in line.sent[1][0]
    assert line.spans() == [(0, 6), (6, 1)]
    assert not line.frames.unfinished


def test_an_unacknowledged_frame_is_sent_again_from_where_the_browser_is():
    branch = run(5)
    line = Line(branch)
    line.frames.hello()
    line.exchange(1)
    branch.advance()
    line.send()  # lost
    branch.advance()
    line.send()
    assert line.spans() == [(0, 6), (6, 1), (6, 2)]


def test_only_a_few_frames_are_on_their_way():
    line = Line(run(1))
    line.frames.hello()
    for _ in range(IN_FLIGHT):
        assert line.frames.due_in(True) < 1 / 12 + 1e-3
        line.send()
    assert line.frames.due_in(True) == pytest.approx(SILENCE)
    line.frames.acknowledged(1)
    assert line.frames.due_in(True) == pytest.approx(1 / 12)


def test_a_browser_that_has_to_catch_up_is_waited_for_frame_by_frame():
    line = Line(stored(9_000, 4))
    line.frames.hello()
    line.send()
    assert line.sent[-1][0]["more"] and line.frames.due_in(True) == pytest.approx(SILENCE)
    line.frames.acknowledged(1)
    line.exchange(20)
    assert not line.sent[-1][0]["more"] and not line.frames.unfinished


def test_frames_are_made_less_often_where_drawing_takes_what_training_needs():
    line = Line(run(1))
    line.frames.hello()
    for drew, low, high in (
        (DRAW_SHARE / 12, 0, 1 / 12),
        (0.2 * DRAW_SHARE, 0.19, 0.2),
        (9.0, SLOWEST, SLOWEST),
    ):
        for _ in range(20):
            line.send()
            line.frames.acknowledged(line.frames.sequence, drew)
        assert low <= line.frames.interval <= high * 1.001


def test_a_silent_browser_is_asked_ever_less_often():
    line = Line(run(1))
    line.frames.hello()
    for _ in range(IN_FLIGHT):
        line.send()
    waits = []
    for _ in range(10):
        waits.append(line.frames.due_in(True))
        clock.now += waits[-1]
        assert line.send() is False, "a beat brings no news"
    assert waits == [min(SILENCE * 2**i, LONG_SILENCE) for i in range(10)]
    assert all(buffers == [] for _, buffers in line.sent[IN_FLIGHT:])


def test_the_answer_to_a_beat_repairs_what_was_lost():
    branch = run(5)
    line = Line(branch)
    line.frames.hello()
    line.exchange(1)
    branch.advance()
    line.send()
    line.send()  # both lost
    clock.now += SILENCE
    line.send()  # the beat
    line.frames.acknowledged(line.frames.sequence)
    assert line.frames.unfinished and line.frames.due_in(False) < 1
    line.send()
    assert line.spans()[-1] == (6, 1)


def test_a_long_history_comes_in_pieces_within_the_budget_and_without_gaps():
    line = Line(stored(12_000, 5))
    line.frames.hello()
    line.exchange(1)
    assert line.frames.unfinished, "there is more to come even if nothing new happens"
    while line.frames.unfinished:
        clock.now += line.frames.due_in(False)
        line.send()
        line.frames.acknowledged(line.frames.sequence)
    starts, counts = zip(*line.spans(), strict=True)
    assert list(starts) == np.cumsum([0, *counts[:-1]]).tolist() and sum(counts) == 12_000
    views = CLOUD.astype(np.float32).nbytes
    assert max(sum(map(len, buffers)) for _, buffers in line.sent) <= FRAME_BYTES + views
    assert FRAME_BYTES <= 50_000


def test_a_thinned_table_is_sent_anew():
    branch = stored(100, 1)
    line = Line(branch)
    line.frames.hello()
    line.exchange(1)
    branch.history.scalars.thinned += 1
    line.exchange(1)
    assert line.spans() == [(0, 100), (0, 100)]


def test_numbers_arrive_as_float32_with_gaps_and_infinities():
    branch = stored(3, 2)
    branch.history.scalars.values[1] = [np.nan, 1e300]
    line = Line(branch, cloud=np.array([[1e300, 2.0]]))
    line.frames.hello()
    line.exchange(1)
    frame, buffers = line.sent[0]
    cloud = np.frombuffer(buffers[frame["views"][0]["buffer"]], np.float32)
    np.testing.assert_array_equal(cloud, [np.inf, 2])
    rows = np.frombuffer(buffers[frame["columns"][0]["buffer"]], np.float32).reshape(3, 3)
    np.testing.assert_array_equal(rows, [[0, 1, 2], [1, np.nan, 1], [1, np.inf, 1]])
    assert frame["columns"][0]["names"] == ["step", "c0", "c1"]


def test_frames_that_are_work_come_less_often_and_those_that_wait_for_a_core_do_not():
    line = Line(run(1))
    line.frames.hello()
    for cost, delay, interval in ((0.01, 0.0, 0.01 / FRAME_SHARE), (1.0, 0.0, SLOWEST), (0.0, 0.3, 1 / 12)):
        line.cost, line.delay = cost, delay
        line.exchange(1)
        assert line.frames.interval == pytest.approx(interval)


def test_point_clouds_come_seldom_unless_something_else_is_looked_at():
    line = Line(run(1))
    line.frames.hello()
    line.exchange(1)
    line.exchange(12)
    with_views = [number for number, (frame, _) in enumerate(line.sent) if "views" in frame]
    assert with_views[0] == 0
    assert all(gap >= VIEW_INTERVAL * 12 - 1e-6 for gap in np.diff(with_views)) and len(with_views) > 2
    line.exchange(1)
    line.frames.view_due()
    line.exchange(1)
    assert "views" in line.sent[-1][0]


def test_what_is_told_about_a_branch_is_told_again_only_when_it_changed_or_was_lost():
    ticks = [[1, "weight_decay", 1.0]]
    line = Line(run(1))
    line.about = lambda: {"branches": [{"id": 0, "step": 1, "ticks": list(ticks), "code": "run(…)"}]}
    line.frames.hello()
    line.exchange(2)
    ticks.append([2, "weight_decay", 2.0])
    line.send()  # lost
    line.send()
    line.frames.acknowledged(line.frames.sequence)
    line.exchange(1)
    told = [sorted(frame["branches"][0]) for frame, _ in line.sent]
    everything, little = ["code", "id", "step", "ticks"], ["id", "step"]
    assert told == [everything, little, ["id", "step", "ticks"], ["id", "step", "ticks"], little]


def test_a_point_cloud_leaves_rows_less_room():
    line = Line(stored(12_000, 5), cloud=np.zeros((1000, 10), np.float32))
    line.frames.hello()
    line.exchange(1)
    assert 40_000 < sum(map(len, line.sent[0][1])) <= FRAME_BYTES + FRAME_BYTES // 4
