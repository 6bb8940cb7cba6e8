"""The command, on a table of tiny claims; and the real table's form."""

import re

import pytest

from labkit import __main__ as command_line
from labkit import claims
from labkit.claims.claim import Claim, Expected, Measured

RAN = []


def measure(value):
    def run():
        RAN.append(value)
        return Measured({"x": [value]})

    return run


def broken():
    raise RuntimeError("out of ink")


def toy(name, value=1.0, **options):
    run = options.pop("measure", measure(value))
    return Claim(
        f"toy/{name}", "a paper", f"{name} says so.", (Expected("x", low=0.5),), "it", run, **options
    )


GOOD, BAD, SLOW = toy("good"), toy("bad", 0.0, note="The paper is wrong."), toy("slow", slow=True)
BROKEN = toy("broken", measure=broken)


@pytest.fixture(autouse=True)
def none_ran():
    RAN.clear()


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_all_hold(capsys):
    assert claims.main(labs={"toy": (GOOD,)}) == 0
    out = capsys.readouterr().out
    assert "[ holds ] toy/good: good says so." in out
    assert "expected  x ≥ 0.5" in out and "measured  x 1, 1 seed" in out
    assert out.endswith("1 holds\n")


def test_a_claim_that_fails_is_shown_as_failing_and_fails_the_command(capsys):
    assert claims.main(labs={"toy": (GOOD, BAD, GOOD)}) == 1
    out = capsys.readouterr().out
    assert "[ FAILS ] toy/bad" in out and "The paper is wrong." in out
    assert out.endswith("2 holds, 1 FAILS\n")


def test_slow_claims_wait_to_be_asked_for(capsys):
    assert claims.main(labs={"toy": (SLOW, GOOD)}) == 0
    assert len(RAN) == 1
    assert "[not run] toy/slow" in capsys.readouterr().out
    assert claims.main(labs={"toy": (SLOW, GOOD)}, slow=True) == 0
    assert len(RAN) == 3
    assert "[ holds ] toy/slow" in capsys.readouterr().out


def test_a_measurement_that_breaks_hides_no_other(capsys):
    assert claims.main(labs={"toy": (BROKEN, GOOD)}) == 1
    out = capsys.readouterr().out
    assert "[ ERROR ] toy/broken" in out and "RuntimeError: out of ink" in out
    assert "[ holds ] toy/good" in out


def test_one_lab_alone(capsys):
    assert claims.main("other", labs={"toy": (BAD,), "other": (GOOD,)}) == 0
    assert "toy/bad" not in capsys.readouterr().out


def test_one_claim_alone_even_if_it_is_slow(capsys):
    assert claims.main("toy/slow", labs={"toy": (BAD, SLOW)}) == 0
    assert "[ holds ] toy/slow" in capsys.readouterr().out and RAN == [1.0]


def test_an_unknown_lab_gives_the_nearest(capsys):
    assert claims.main("groking") == 2
    said = capsys.readouterr().err
    assert "lab: got 'groking'; allowed: 'grokking', " in said
    assert "Did you mean 'grokking'?" in said


def test_the_page_is_written_on_request_only(checkout, capsys):
    assert claims.main(labs={"toy": (BAD, SLOW)}, root=checkout) == 1
    assert not (checkout / "docs").exists()
    assert claims.main(labs={"toy": (BAD, SLOW)}, root=checkout, markdown=True) == 1
    text = (checkout / "docs" / "claims.md").read_text()
    assert "| x 0, 1 seed | **FAILS** |" in text and "| – | *not run* |" in text
    assert "written: docs/claims.md" in capsys.readouterr().out


def test_what_could_not_be_measured_keeps_its_last_row(checkout):
    claims.main(labs={"toy": (toy("broken"),)}, root=checkout, markdown=True)
    claims.main(labs={"toy": (BROKEN,)}, root=checkout, markdown=True)
    assert "| x 1, 1 seed | holds |" in (checkout / "docs" / "claims.md").read_text()


def test_the_page_needs_a_checkout_and_says_so_before_measuring(tmp_path, capsys):
    assert claims.main(labs={"toy": (GOOD,)}, root=tmp_path, markdown=True) == 2
    assert "is not a checkout" in capsys.readouterr().err and not RAN


def test_the_command_line_hands_everything_on(monkeypatch):
    asked = {}
    monkeypatch.setattr(claims, "main", lambda **options: asked.update(options) or 1)
    assert command_line.main(["claims", "grokking", "--slow", "--markdown"]) == 1
    assert asked == {"lab": "grokking", "slow": True, "markdown": True}


# ------------------------------------------------------------------------------------- the real table


@pytest.mark.parametrize("lab", claims.LABS)
def test_every_claim_is_complete(lab):
    seen = [claim.id for claim in claims.LABS[lab]]
    assert len(set(seen)) == len(seen)
    for claim in claims.LABS[lab]:
        assert re.fullmatch(rf"{lab}/[a-z0-9-]+", claim.id)
        assert claim.paper and claim.source and claim.expected and callable(claim.measure), claim.id
        assert re.fullmatch(r"[A-Z][^\n]*\.", claim.says), f"{claim.id}: one sentence"
        names = [expected.what for expected in claim.expected]
        assert len(set(names)) == len(names), claim.id
