import os
import subprocess
import sys
import threading

import pytest
import torch

from labkit.nn import shares
from labkit.nn.shares import on_one_core, side_by_side, total

CPU = torch.device("cpu")


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 9409])
def test_shares_are_all_rows_once_and_about_equal(rows, three_threads):
    cut = shares.shares(rows, 1_000_000, 5, CPU)
    assert [row for share in cut for row in range(share.start, share.stop)] == list(range(rows))
    sizes = [share.stop - share.start for share in cut]
    assert len(cut) == min(rows, 3) and max(sizes) - min(sizes) <= 1


def test_little_work_and_a_gpu_are_not_shared_out(three_threads):
    row = 7 * shares.OPERATION_BYTES // 100  # of which 100 are enough for 7 operations
    assert shares.shares(100, row, 7, CPU) == shares.shares(100, 2 * row, 15, CPU) == [slice(0, 100)]
    assert len(shares.shares(100, 2 * row, 7, CPU)) == 2
    assert shares.shares(9409, 10_000, 1, torch.device("cuda")) == [slice(0, 9409)]


def test_items_are_done_at_the_same_time_each_on_one_core_in_order(three_threads):
    meeting = threading.Barrier(3, timeout=30)

    def work(item):
        meeting.wait()  # passes only if all three are here
        return item, torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    assert side_by_side(work, "abc") == [("a", 1, False), ("b", 1, False), ("c", 1, False)]
    assert side_by_side(work, "abc")[2][0] == "c"


@pytest.mark.parametrize("here", [True, False], ids=["alone", "not alone"])
def test_one_at_a_time_is_in_order_and_each_on_one_core(three_threads, here):
    busy, seen = threading.Lock(), []

    def work(item):
        assert busy.acquire(blocking=False), "another item is being worked on"
        seen.append((item, shares.cores(), torch.get_num_threads()))
        busy.release()
        return item

    def all_of_them():
        return side_by_side(work, "abcdef", at_most=1)

    assert (on_one_core(all_of_them, CPU) if here else all_of_them()) == list("abcdef")
    assert seen == [(item, 1, 1) for item in "abcdef"]


def test_what_is_left_to_do_is_done_once_by_the_last_on_one_core(three_threads):
    last = threading.Event()

    def work(item):
        if item == "a":
            assert last.wait(30)  # the first item is done last
        elif item == "f":
            last.set()
        return item

    def then(results):
        done.append(threading.current_thread() is threading.main_thread())
        return "".join(results), torch.get_num_threads()

    done = []
    assert side_by_side(work, "abcdef", then) == ("abcdef", 1) and done == [False]
    assert side_by_side(work, "b", then) == ("b", 3), "nothing to wait for"


def test_one_core_is_one_core_and_a_gpu_is_asked_from_here(three_threads):
    def here():
        return torch.get_num_threads(), threading.current_thread() is threading.main_thread()

    assert on_one_core(here, CPU) == (1, False)
    assert on_one_core(here, torch.device("cuda")) == (3, True), "a recording on a GPU is of one thread"
    with pytest.raises(ZeroDivisionError):
        on_one_core(lambda: 1 // 0, CPU)


def test_where_there_is_one_core_only_shares_are_shared(three_threads):
    meeting = threading.Barrier(3, timeout=30)

    def work(item):
        meeting.wait()
        return torch.get_num_threads(), shares.cores(), len(shares.shares(9409, 10_000, 9, CPU))

    def here():
        assert len(shares.shares(9409, 10_000, 9, CPU)) == shares.cores() == 3
        assert side_by_side(work, "abc") == [(1, 1, 1)] * 3, "and shares are not shared again"
        return torch.get_num_threads(), shares.cores()

    with shares.one_core():
        assert here() == (1, 3)
        with shares.one_core():
            assert here() == (1, 3)
        assert here() == on_one_core(here, CPU) == (1, 3)
    assert on_one_core(here, CPU) == (1, 3)
    assert torch.get_num_threads() == shares.cores() == 3


def test_all_that_wait_for_shares_get_them(three_threads):
    begun = threading.Barrier(40, timeout=30)

    def waits(number):
        begun.wait()
        return sum(side_by_side(lambda item: item, [number, 1, 2]))

    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: on_one_core(lambda: waits(n), CPU)}))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {n: n + 3 for n in range(40)}


def test_torch_is_left_as_it_was_for_this_and_for_new_threads(three_threads):
    side_by_side(lambda item: None, range(6))
    seen = []
    new = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert seen == [3] and torch.get_num_threads() == 3


def flushes():
    return (torch.tensor([1e-40]) * 2).item() == 0 and (
        torch.tensor([1e-310], dtype=torch.float64) * 2
    ).item() == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_numbers_below_the_normal_range_are_0_in_here_and_nowhere_else(threads):
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert not flushes()
        assert on_one_core(flushes, CPU)
        assert on_one_core(lambda: all(side_by_side(lambda item: flushes(), range(6))), CPU)
        with shares.one_core():
            assert flushes() and on_one_core(flushes, CPU)
            with shares.one_core():
                pass
            assert flushes()
        assert not flushes()
    finally:
        torch.set_num_threads(usual)


def test_an_error_in_a_share_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 // item, [1, 0, 2])


AFTER_A_FORK = """
import os, sys
from labkit.nn.shares import side_by_side
side_by_side(abs, [1, 2])
child = os.fork()
if not child:
    os._exit(side_by_side(abs, [-7, -5])[0])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_wait_for_threads_that_it_has_not():
    assert subprocess.run([sys.executable, "-c", AFTER_A_FORK], timeout=60).returncode == 7


def test_total_adds_place_by_place():
    ones, twos = torch.ones(2), torch.full((3,), 2.0)
    first, second = total([(ones, twos), (3 * ones, 5 * twos)])
    assert first.tolist() == [4, 4] and second.tolist() == [12, 12, 12]
