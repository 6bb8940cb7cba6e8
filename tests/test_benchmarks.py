"""The harness of the benchmarks, never their timings."""

import ast
import math
import time

import pytest
import toy

from tests.benchmarks import __main__ as harness
from tests.benchmarks import bench_grok, row


def test_at_most_and_at_least():
    assert row.at_most("x", 1.25, 1.25).ok and not row.at_most("x", 1.26, 1.25).ok
    assert row.at_least("x", 3.0, 3.0).ok and not row.at_least("x", 2.9, 3.0).ok
    for judge in (row.at_most, row.at_least):
        assert judge("x", math.nan, 1.0).ok is False
    assert row.at_most("x", 0.123, 0.7, "s") == row.Row("x", "≤ 0.7 s", "0.123 s", True)
    assert row.at_least("x", 4.56, 4.5) == row.Row("x", "≥ 4.5×", "4.56×", True)
    assert row.not_here("bfloat16", "the CPU has none").ok is None


def test_medians_take_turns_and_forget_two_rounds(monkeypatch):
    order, clock = [], iter(range(1000))
    slow = iter([100, 100, 1, 2, 9])  # the first two are warming up
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))

    def first():
        order.append("first")
        for _ in range(next(slow) - 1):
            next(clock)

    took = row.medians(3, first=first, second=lambda: order.append("second"))
    assert order == ["first", "second"] * 5
    assert took == {"first": 2, "second": 1}


def test_misses_come_first_and_what_was_not_measured_last():
    rows = [row.at_most("fine", 1, 2), row.not_here("elsewhere", "no GPU"), row.at_least("bad", 1, 2, "s")]
    head, *lines = harness.table(rows).splitlines()
    assert head.split() == ["measured", "bar", "what"]
    assert [line.split() for line in lines] == [
        ["MISS", "1", "s", "≥", "2", "s", "bad"],
        ["ok", "1×", "≤", "2×", "fine"],
        ["-", "–", "elsewhere:", "not", "measured", "here,", "no", "GPU"],
    ]
    assert len({line.index(what) for line, what in zip(lines, ("bad", "fine", "else"), strict=True)}) == 1


def test_every_benchmark_is_found_by_name_and_gives_rows(root):
    folder = root / "tests" / "benchmarks"
    assert {"grok", "import", "steps"} <= set(harness.names())
    for name in harness.names():
        tree = ast.parse((folder / f"bench_{name}.py").read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert "rows" in functions, f"bench_{name}.py has no rows()"
        needed = functions["rows"].args
        assert len(needed.args) == len(needed.defaults), f"bench_{name}.rows() needs arguments"


def test_one_that_breaks_hides_no_other(monkeypatch, capsys):
    def good():
        yield row.at_most("fine", 1, 2)

    def bad():
        yield row.at_most("before", 1, 2)
        raise RuntimeError("no clock")

    def imported(name):
        return type("Bench", (), {"rows": staticmethod(bad if name.endswith("bad") else good)})

    monkeypatch.setattr(harness, "names", lambda: ["bad", "good"])
    monkeypatch.setattr(harness.importlib, "import_module", imported)
    assert harness.main([]) == 1
    out = capsys.readouterr().out
    assert "bench_bad: RuntimeError: no clock" in out.splitlines()[1]
    assert [line.split()[-1] for line in out.splitlines()[2:]] == ["before", "fine"]
    assert harness.main(["good"]) == 0
    assert "no clock" not in capsys.readouterr().out


def test_an_unknown_name_is_told_what_there_is(capsys):
    assert harness.main(["stpes"]) == 2
    assert "got stpes; allowed: " in capsys.readouterr().err


def test_the_wait_ends_with_the_event(monkeypatch):
    monkeypatch.setattr(bench_grok, "EVENT", "half")
    seconds, step = bench_grok.wait(toy.Config())
    assert step == 7 and 0 < seconds < 60  # .9^2t falls to a quarter at t = 7


def test_a_wait_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(bench_grok, "EVENT", "half")
    monkeypatch.setattr(bench_grok, "PATIENCE", 0.2)
    with pytest.raises(TimeoutError, match="'half' not reached in 0.2 s"):
        bench_grok.wait(toy.Config(rate=0.0))


def test_a_run_that_fails_fails_the_benchmark(monkeypatch):
    monkeypatch.setattr(bench_grok, "EVENT", "half")
    with pytest.raises(RuntimeError, match="asked to fail"):
        bench_grok.wait(toy.Config(fail_at=3))
