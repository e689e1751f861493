"""Formulas typed in the settings: what is read, what is refused, and that nothing is run."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from maml_explorer.settings.curves.bounds import PoleError, refuse_poles
from maml_explorer.settings.curves.drawing import values_at
from maml_explorer.settings.curves.formula import ranges_of
from maml_explorer.settings.curves.grammar import FormulaError, code_of, tree_of
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import from_toml, to_toml

GOOD = [
    "A*sin(w*x - p) + B*x", "x", "3", "A", "-x", "- -x", "+x", "x^2", "x**2", "-x^2", "(-x)^2",
    "2^3^2 + 0*x", "(x^2 + 1)^-2", "A*x + B", "A*x^2 + B*x + p",
    "1/(1 + x^2)", "exp(-x^2/2)", "exp(-abs(x))", "tanh(A*x)", "sin(x)*cos(x)", "sin(cos(sin(x)))",
    "sqrt(abs(x))", "sqrt(x^2 + 1)", "log(x^2 + 1)", "log(1 + exp(x))", "abs(x - B)", "sign(x)*A",
    "floor(x)", "x - floor(x)", "step(x - B)", "A*step(x - B) + p*step(B - x)", "saw(w*x - p)",
    "sin(pi*x)", "sin(π*x)", "2*pi*x/2", "A*sin(w*x − p)", "A·sin(x)", "A × x ÷ 2", "1e-3*x",
    ".5*x", "5.*x", "A*B*w*p*x", "A - B - w", "A/w/2 - x", "x/(2 + sin(x))", "tan(x/10)",
    "x*x", "x*x*x - x", "((((x))))", "  A *  x ", "A*exp(-(x - B)^2)", "x/(x*x + 1)", "(A+B)*(A-B)",
]  # fmt: skip
NUMBERS = {"A": 1.7, "w": 1.2, "p": 0.4, "B": -0.6}
RANGES = "A = 0.1..5, w = 0.5..1.5, p = 0..pi, B = -1..1"


def plain(text: str, x: np.ndarray) -> np.ndarray:
    """The formula by Python itself, for the formulas of this file alone."""
    for spelt, python in (
        ("^", "**"), ("−", "-"), ("·", "*"), ("×", "*"), ("÷", "/"), ("π", "pi"), ("\t", " "),
    ):  # fmt: skip
        text = text.replace(spelt, python)
    known = {name: getattr(np, name) for name in ("sin", "cos", "tan", "tanh", "exp", "log")}
    known |= {name: getattr(np, name) for name in ("sqrt", "abs", "sign", "floor", "pi")}
    known["step"] = lambda z: np.heaviside(z, 0.5)
    known["saw"] = lambda z: 2 * np.mod(z / (2 * np.pi), 1) - 1
    return eval(text.strip(), {"__builtins__": {}}, {**known, **NUMBERS, "x": x}) + 0 * x


def test_there_are_fifty_good_formulas():
    assert len(set(GOOD)) >= 50


@pytest.mark.parametrize("text", GOOD)
def test_good_formulas_equal_numpy(text):
    settings = Settings().with_values(
        {"family": "formula", "formula": text, "formula_ranges": RANGES}
    )
    from maml_explorer.settings.curves.drawing import parameters_of

    names = [one.name for one in parameters_of(settings.tasks)]
    x = np.linspace(-5, 5, 41) + 0.01
    found = values_at(settings.tasks, [NUMBERS[name] for name in names], x, np)
    np.testing.assert_allclose(found, plain(text, x), rtol=1e-12, atol=1e-12)
    assert from_toml(to_toml(settings)) == settings


HOSTILE = [
    *(
        form.format(word)
        for form, word in itertools.product(
            ("{}", "{}(x)", "x + {}", "{}.x", "[{}]", "{}['a']", "x if {} else x", "lambda: {}"),
            (
                "__import__", "eval", "exec", "open", "os", "sys", "globals", "getattr", "compile",
                "input", "breakpoint", "print", "__builtins__", "__class__", "type", "vars", "help",
                "exit",
            ),
        )
    ),
    "__import__('os').system('id')", "().__class__.__bases__[0]", "x.__class__", "x[0]", "x;x",
    "x = 1", "x == 1", "x := 2", "'a'", '"a"', "f'{x}'", "b'x'", "x @ x", "x % 2", "x // 2",
    "x & 1", "x | 1", "x << 2", "~x", "not x", "x and x", "x, x", "(x,)", "{x}", "{}", "[]",
    "[x for x in x]", "(x for x in x)", "*x", "**x", "x**", "x*", "/x", "x +", "()", "(", ")",
    "(x", "x)", "sin", "sin x", "sin()", "sin(x, x)", "sin(x", "2x", "2 x", "x x", "x(2)", "1.2.3",
    "1e", "1e999", "0x10", "1_000x", "1j", "x!", "x?", "$x", "`x`", "x\\n", "#", "x # y", "\x00",
    "x\nimport os", "nan", "inf", "True", "None", "1/0", "log(0)", "sqrt(-1)", "(-1)^0.5", "0^-1",
    "9^9^9^9", "exp(1e9)", "(" * 60 + "x" + ")" * 60, "-" * 70 + "x", "x^" * 45 + "x", "x" * 200,
    "", " ", "ſin(x)", "y", "q*x", "sin(q)", "x̂", "∑x", "∞", "x²", "√x",
]  # fmt: skip


def test_hostile_formulas_are_refused_and_nothing_is_run():
    assert len(set(HOSTILE)) >= 200
    seen: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in (
            "compile", "exec", "import", "open", "os.system", "subprocess.Popen", "socket.connect",
        ):  # fmt: skip
            seen.append(event)

    before = Settings().with_values({"family": "formula"})
    with pytest.raises(SettingsError):
        before.with_values({"formula": "warm up ("})
    sys.addaudithook(watch)
    try:
        for text in HOSTILE:
            with pytest.raises(SettingsError) as error:
                before.with_values({"formula": text})
            sentence = str(error.value)
            assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
    finally:
        watching = False
    assert seen == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"formula": "A*sin(x) + Q"}, ["Q has no range", "x, A, w, p, B"]),
        ({"formula": "foo(x)"}, ["no function “foo”", "sin, cos"]),
        ({"formula": "1/x"}, ["undefined", "near", "x ="]),
        ({"formula": "log(x)"}, ["undefined"]),
        ({"formula": "exp(10*x)"}, ["above 1e+06"]),
        ({"formula": "A/B"}, ["undefined", "B ="]),
        ({"formula": "tan(x)"}, ["undefined"]),
        ({"formula_ranges": "A = 5..1"}, ["lower to its upper end"]),
        ({"formula_ranges": "A = 1..2, A = 3"}, ["two ranges"]),
        ({"formula_ranges": "sin = 1..2"}, ["meaning of its own"]),
        ({"formula_ranges": "A = b..2"}, ["not of numbers"]),
        ({"formula_ranges": "A"}, ["is no range"]),
        ({"formula_ranges": ",".join(f"a{n}=1" for n in range(9))}, ["9 parameters", "are 8"]),
    ],
)  # fmt: skip
def test_refusals_say_what_and_where(values, words):
    before = Settings().with_values({"family": "formula"})
    with pytest.raises(SettingsError) as error:
        before.with_values(values)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert next(iter(values)) in str(error.value)


def test_poles_outside_the_ranges_are_allowed():
    inside = {"formula": "1/x + log(x) + sqrt(x)", "x_min": 0.5}
    assert (
        Settings().with_values({"family": "formula", **inside}).tasks.formula == inside["formula"]
    )
    with pytest.raises(SettingsError, match="undefined"):
        Settings().with_values({"family": "formula", **inside, "x_min": -0.5})
    # the bounds of x/(x + x*x*x + 9) are wide: halving the boxes tells
    refuse_poles(tree_of("1/(x^3 - x + 130)"), (("x", (-5.0, 5.0)),))
    with pytest.raises(PoleError):
        refuse_poles(tree_of("1/(x^3 - x + 110)"), (("x", (-5.0, 5.0)),))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A = 0.1..5, w = 1", {"A": (0.1, 5.0), "w": (1.0, 1.0)}),
        ("A: 1 to 2; p in 0..2*pi", {"A": (1.0, 2.0), "p": (0.0, 2 * np.pi)}),
        ("", {}),
    ],
)
def test_ranges_as_people_write_them(text, found):
    assert ranges_of(text) == found


def test_code_spells_what_python_cannot_name():
    assert code_of(tree_of("lambda*x + model")) == "lambda_ * x + model_"
    with pytest.raises(FormulaError):
        tree_of("a b")


def test_a_mixture_names_families_once():
    for text in ("sine", "sine, sine", "sine, glyphs", "", "sine, formula"):
        with pytest.raises(SettingsError, match=r"Mixture \(mixture\)"):
            Settings().with_values({"mixture": text})
    assert Settings().with_values({"mixture": "line quadratic"}).tasks.mixture == "line quadratic"
