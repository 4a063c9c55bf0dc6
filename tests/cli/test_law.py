"""`isorobust law`: its numbers from the formulas, and one line for what can't be."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import isorobust.cli.main as cli
from isorobust import data
from isorobust.data.sample import Sample
from tests.cli import calls
from tests.data.test_real_images import cifar, mnist

ASKED = ("--n=512", "--d=64", "--width=8", "--epsilon=0.9", "--rho=8", "--delta=0.01")
KEYS = {
    "n", "d", "p", "d_eff", "law_ratio", "floor_theorem", "theorem_applies",
    "floor_sharp", "required_p",
}  # fmt: skip
LAWS = [
    name.lower()
    for name in data.__all__
    if hasattr(getattr(data, name), "isoperimetry")
    and not getattr(getattr(data, name), "labelled", False)
]


def printed(capsys: pytest.CaptureFixture, *words: object) -> str:
    """What the verb prints, in this process."""
    return calls.printed(capsys, "law", *words)


def facts(capsys: pytest.CaptureFixture, *words: object) -> dict:
    return json.loads(printed(capsys, *words, "--json"))


def refused(*words: object) -> str:
    """The one line of a refusal."""
    return calls.refused("law", *words)


def sharp(p: float, n: int = 512, d: int = 64, epsilon: float = 0.9) -> float:
    """Theory 2.5 (i) on the sphere at rho = 8, delta = .01, its best eta exactly.

    Half of delta pays for the radius, 100 x 64 classes for what is named afterwards.
    """
    j, s = math.sqrt(2 * 8**2 + 1), 1 - math.sqrt(1 - epsilon)

    def floor(eta: float) -> float:
        bracket = p * math.log(1 + 2 * 8 * j / eta) + math.log(2 * 6400 / 0.01)
        return (s - eta) * math.sqrt(n * (d - 1) / (2 * bracket))

    best = minimize_scalar(lambda e: -floor(e), bounds=(1e-4, s), method="bounded")
    return floor(best.x)


def test_the_numbers_are_the_formulas(capsys: pytest.CaptureFixture) -> None:
    found = facts(capsys, *ASKED, "--distribution=sphere")
    assert found.keys() >= KEYS
    assert (found["n"], found["d"], found["p"]) == (512, 64, 8 * 66 + 1)
    assert found["d_eff"] == pytest.approx(63)
    assert found["law_ratio"] == pytest.approx(math.sqrt(512 * 64 / 529))
    assert 0.995 * sharp(529) <= found["floor_sharp"] <= sharp(529)
    cover = 529 * math.log(60 * 16 * math.sqrt(129) / 0.9) + math.log(400)
    literal = 0.9 / 512 * math.sqrt(512 * 63 / cover)
    assert found["floor_theorem"] == pytest.approx(literal)
    assert found["theorem_applies"] is False
    assert found["theorem_needs_n"] == math.ceil(4096 * math.log(800) / 0.81)
    for name, value in found.items():  # what has no value says why
        unasked = name in ("bits", "width", "rho", "log_j")
        assert (value is None) == (name in found["reasons"]) or unasked, name


def test_the_other_way_round(capsys: pytest.CaptureFixture) -> None:
    """At the required p the floor is just below, one parameter fewer just above."""
    found = facts(capsys, *ASKED, "--lip=0.7")
    p, j = found["required_p"], math.sqrt(129)
    asked = [word for word in ASKED if "width" not in word]
    at, below = (
        facts(capsys, *asked, f"--p={q}", f"--J={j}")["floor_sharp"] for q in (p, p - 1)
    )
    assert at <= 0.7 < below
    assert sharp(1.02 * p) < 0.7 < sharp(0.98 * p)
    assert found["required_p_law"] == pytest.approx(512 * 63 / 0.7**2)
    alone = facts(capsys, *asked, "--lip=0.7")
    assert alone["required_p"] == p and alone["p"] is None
    assert alone["reasons"]["law_ratio"] == "neither --width nor --p is given"
    least = math.ceil((p - 1) / 66)
    assert f"a width of {least} or more" in printed(capsys, *ASKED, "--lip=0.7")


def test_quantised_classes(capsys: pytest.CaptureFixture) -> None:
    """b weights of B bits: no rho, no J (theory 2.5 (ii))."""
    words = ("--n=4096", "--d=100", "--epsilon=0.5", "--bits=4")
    found = facts(capsys, *words, "--p=300", "--distribution=gaussian")
    s, rest = 1 - math.sqrt(0.5), math.log(100 / 0.01)
    bracket = 4 * 300 * math.log(2) + rest
    floor = s * math.sqrt(4096 * 100 / (2 * bracket))
    assert found["floor_quantised"] == pytest.approx(floor, rel=1e-6)
    assert found["floor_sharp"] is None and "--rho" in found["reasons"]["floor_sharp"]
    found = facts(capsys, *words, "--lip=2", "--distribution=gaussian")
    bits = (s**2 * 4096 * 100 / (2 * 2**2) - rest) / math.log(2)
    assert found["required_p"] == math.ceil(bits / 4)


@pytest.mark.parametrize("law", LAWS)
def test_every_law_of_x_is_on_the_shelf(
    law: str, capsys: pytest.CaptureFixture
) -> None:
    found = facts(capsys, *ASKED, f"--distribution={law}")
    known = found["c"] is not None
    assert (found["floor_sharp"] is not None) == known
    assert known or "not isoperimetric" in found["reasons"]["d_eff"]
    assert not known or found["d_eff"] == pytest.approx(64 / found["c"])


def test_fields_of_a_law_are_set_as_tables_print_them(
    capsys: pytest.CaptureFixture,
) -> None:
    law = "Mixture(modes=2, spread=0.25)"
    found = facts(capsys, *ASKED, f"--distribution={law}")
    assert found["distribution"] == law and found["components"] == 2
    assert found["d_eff"] == pytest.approx(64 / 0.25**2)
    assert found["theorem_needs_n"] == math.ceil(8192 * math.log(1600) / 0.81)


class Rough:
    """A law of no isoperimetric constant."""

    on_sphere, components = False, 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        raise NotImplementedError

    def isoperimetry(self, d: int) -> None:
        return None


def test_a_law_that_is_not_isoperimetric_has_no_floor(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import dataclass

    monkeypatch.setattr(data, "Rough", dataclass(frozen=True)(Rough), raising=False)
    monkeypatch.setattr(data, "__all__", [*data.__all__, "Rough"])
    found = facts(capsys, *ASKED, "--distribution=rough", "--bits=2")
    for name in ("floor_theorem", "floor_sharp", "floor_quantised", "required_p"):
        assert found[name] is None and found["reasons"][name]
    assert found["d_eff"] is None and found["theorem_applies"] is False
    assert "not isoperimetric" in printed(capsys, *ASKED, "--distribution=rough")


def test_the_theorem_applies_from_the_n_that_it_names(
    capsys: pytest.CaptureFixture,
) -> None:
    words = [word for word in ASKED if "--n" not in word]
    n = facts(capsys, *ASKED, "--components=3")["theorem_needs_n"]
    for more, holds in ((0, True), (-1, False)):
        found = facts(capsys, *words, f"--n={n + more}", "--components=3")
        assert found["theorem_applies"] is holds


def test_beside_the_papers_own_numbers(capsys: pytest.CaptureFixture) -> None:
    words = ("--n=60000", "--d=784", "--width=8", "--epsilon=1", "--rho=4")
    ours = facts(capsys, *words, "--delta=0.1", "--components=10")
    most = math.ceil(8**4 * 10 * math.log(800))  # 2.7e5 > 6e4
    assert not ours["theorem_applies"] and ours["theorem_needs_n"] == most
    mnist_, imagenet = ours["paper"]
    assert mnist_["required_p"] == [9e5, 9e6] and mnist_["p_used"] == [2e5, 3e6]
    assert mnist_["theorem_needs_n"] == most and not mnist_["theorem_applies"]
    assert imagenet["required_p"] == pytest.approx([1.4e10, 1.4e11])
    assert "paper" not in facts(capsys, *ASKED)
    assert "paper" in facts(capsys, *ASKED, "--paper")
    said = printed(capsys, "--paper")
    assert "206954 (scale 4)" in said and "never applies to MNIST" in said
    assert "yours" in printed(capsys, *words) and "yours" not in said


def test_plain_text_and_tables_say_the_same(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = printed(capsys, *ASKED, "--distribution=sphere")
    for name in ("Theorem 3 as printed", "sharp", "quantised", "data", "rank", "noise"):
        assert f"\n{name} " in plain
    assert "needs points and labels" in plain and "needs n >= 33803" in plain
    assert not set("│┃") & set(plain)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    rich = printed(capsys, *ASKED, "--distribution=sphere")
    assert set("│┃") & set(rich)
    bare = re.sub(r"\x1b\[[0-9;]*m|[│┃━─┏┳┓┡╇┩└┴┘]", " ", rich)
    assert bare.split() == plain.split()


def test_digits(capsys: pytest.CaptureFixture) -> None:
    found = facts(capsys, "--data=digits", "--width=10", "--lip=2")
    assert found.keys() >= KEYS
    assert (found["n"], found["d"], found["components"]) == (1797, 64, 10)
    low, high = found["d_eff"]
    assert 1 < low < high < 20  # a digit 1 varies along few directions
    assert found["required_p"] == pytest.approx([1797 * low / 4, 1797 * high / 4])
    ratio = [math.sqrt(1797 * one / 661) for one in (low, high)]
    assert found["law_ratio"] == pytest.approx(ratio)
    assert found["sigma2"][0] == 0 and found["sigma2"][1] < 0.1
    assert len(found["ways"]["d_eff"]) == 4 and found["floor_sharp"] is None
    said = printed(capsys, "--data=digits")
    assert "sigma^2 = 0 is in the range" in said and "MNIST" in said


def test_a_file_whose_numbers_are_known(
    capsys: pytest.CaptureFixture, tmp_path: Path, rng: np.random.Generator
) -> None:
    """S^9 in R^40, 10 % of the signs of a half-space flipped: d_eff 9, sigma^2 .36."""
    x = rng.standard_normal((1500, 10))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    basis, _ = np.linalg.qr(rng.standard_normal((40, 10)))
    y = rng.choice([-1.0, 1.0], 1500, p=[0.1, 0.9])
    np.savez(tmp_path / "sphere.npz", x=7 * x @ basis.T, y=y)
    found = facts(capsys, f"--data={tmp_path}/sphere.npz")
    # two components: the signs; each is spread as the sphere is
    assert found["d_eff"][0] <= 9 <= found["d_eff"][1] < 15
    assert found["sigma2"][0] <= 0.36 <= found["sigma2"][1] and found["sigma2"][0] > 0
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)[y[:, None] != y[None]]
    assert 0.2 < found["floor_data"] <= 2 / apart.min()
    for part in ("floor_theorem", "floor_sharp"):
        assert "unknown" in found["reasons"][part]


def test_folders_of_pictures(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    folder = mnist(tmp_path / "m", packed=True)
    for text in (folder, f"mnist:{folder}", f"mnist-idx:{folder}"):
        found = facts(capsys, f"--data={text}")
        assert (found["n"], found["d"], found["components"]) == (60, 20, 10)
    assert facts(capsys, f"--data={cifar(tmp_path / 'c')}")["d"] == 3072


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "required: --n, --d, --epsilon, --rho"),
        (("--n=10",), "required: --d, --epsilon, --rho"),
        (("--n=0", *ASKED[1:]), "argument --n: '0': must be a whole number between 1"),
        (("--n=2.5", *ASKED[1:]), "argument --n: '2.5': must be a whole number"),
        (("--d=-3",), "argument --d"),
        (("--d=x",), "argument --d: 'x'"),
        ((*ASKED, "--epsilon=0"), "'0': must be a number between"),
        ((*ASKED, "--epsilon=1.1"), "'1.1': must be a number between 1e-60 and 1"),
        ((*ASKED, "--epsilon=nan"), "'nan': must be a number"),
        ((*ASKED, "--delta=0.6"), "'0.6': must be a number between 1e-60 and 0.5"),
        ((*ASKED, "--delta=0"), "argument --delta"),
        ((*ASKED, "--epsilon=1e-170"), "argument --epsilon: '1e-170'"),
        ((*ASKED, "--rho=inf"), "argument --rho: 'inf'"),
        ((*ASKED, "--rho=1e300"), "must be a number between 1e-60 and 1e+60"),
        ((*ASKED, "--lip=1e-300"), "argument --lip: '1e-300'"),
        ((*ASKED, "--lip=0"), "argument --lip"),
        ((*ASKED, "--bits=0"), "argument --bits"),
        ((*ASKED, "--components=0"), "argument --components"),
        ((*ASKED, "--p=3"), "--p and --width: give one"),
        ((*ASKED, "--J=3"), "--J and --width"),
        (("--n=9", "--d=9", "--epsilon=1", "--p=3"), "--p needs --J and --rho"),
        (("--n=9", "--d=9", "--epsilon=1", "--p=3", "--J=1"), "--J needs --rho"),
        (("--n=9", "--d=9", "--epsilon=1", "--rho=3"), "which class?"),
        ((*ASKED, "--distribution=shpere"), "did you mean 'sphere'?"),
        ((*ASKED, "--distribution=digits"), "no such law"),
        ((*ASKED, "--distribution=mixture(mods=3)"), "did you mean 'modes'?"),
        ((*ASKED, "--distribution=mixture(modes=0)"), "must be a whole number >= 1"),
        ((*ASKED, "--distribution=mixture(modes=a)"), "modes = 'a'"),
        ((*ASKED, "--distribution=mixture(modes=65)"), "must be <= d = 64"),
        ((*ASKED, "--distribution=mixture("), "no such law"),
        ((*ASKED, "--distribution=mixture", "--components=3"), "has 4"),
        ((*ASKED[:1], "--d=1", *ASKED[2:]), "the sphere needs d >= 2"),
        ((*ASKED, "--epsilom=1"), "did you mean '--epsilon'?"),
        (("--data=digits", "--n=5"), "--n and --data"),
        (("--data=digits", "--distribution=sphere"), "--distribution and --data"),
        (("--data=digist",), "did you mean 'digits'?"),
        (("--data=nowhere.npz",), "no such file"),
        (("--data=mnist:nowhere",), "no such folder"),
        (("--data=digits", "--p=9", "--width=2"), "--p and --width"),
    ],
)
def test_refusals(words: tuple[str, ...], said: str) -> None:
    assert said in refused(*words)


@pytest.mark.parametrize("size", ["1e-60", "1e60"])
def test_the_ends_of_what_is_allowed(size: str, capsys: pytest.CaptureFixture) -> None:
    words = ("--n=10", "--d=4", "--p=3", f"--J={size}", f"--rho={size}", "--epsilon=.5")
    for lip in ("1e-60", "1e60"):
        assert facts(capsys, *words, f"--lip={lip}")["p"] == 3
    args = cli.parse(["isorobust", "law", *words])
    args.call(args)
    assert "Theorem 3 as printed" in capsys.readouterr().out


def test_data_that_can_not_be_read(tmp_path: Path) -> None:
    assert "holds neither" in refused(f"--data={tmp_path}")
    (tmp_path / "few.npz").write_bytes(b"PK")
    assert "not a plain .npz" in refused(f"--data={tmp_path}/few.npz")
    np.savez(tmp_path / "few.npz", x=np.eye(9), y=np.ones(9))
    assert "9 different points" in refused(f"--data={tmp_path}/few.npz")
    (tmp_path / "data_batch_1").write_bytes(b"")
    for text in (f"{tmp_path}", f"cifar10:{tmp_path}"):
        assert "cifar-10-binary.tar.gz" in refused(f"--data={text}")


def test_it_needs_no_jax_and_ends_with_code_2(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['jax'] = None; sys.modules['flax'] = None\n"
        "from isorobust.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "law"]
    done = subprocess.run([*command, *ASKED], capture_output=True, text=True)
    assert done.returncode == 0 and "sharp" in done.stdout, done.stderr
    done = subprocess.run([*command, "--n=0"], capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("isorobust: ") and done.stderr.count("\n") == 1
