"""Settings survive every text form, and nothing else is let in."""

from __future__ import annotations

import base64
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Arm, Settings, default_arm
from maml_explorer.settings.share import (
    MAX_SHARE,
    SHARE_PREFIX,
    arms_from_json,
    arms_to_json,
    from_share,
    is_share,
    to_share,
)
from maml_explorer.settings.text import MAX_TOML, SCHEMA, from_toml, settings_from, to_toml
from tests import strategies

VIEW = {
    "task": [4.25, 1.5],
    "points": [[float(n) / 4, -float(n)] for n in range(20)],
    "inner_step": 3,
    "tab": "Gradient",
    "hidden": ["losses"],
}


def share(content: object) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return SHARE_PREFIX + encoded


def content(text: str) -> object:
    return json.loads(base64.urlsafe_b64decode(text.removeprefix(SHARE_PREFIX) + "==="))


def sentence(text: str) -> None:
    assert "\n" not in text
    assert text[0].isupper() or text[0] in "[“" or text.startswith("x m")  # the setting x min
    assert text.endswith((".", "?"))
    assert len(text) < 500


@effort(max_examples=250, deadline=None)
@given(strategies.settings())
def test_settings_survive_toml(settings: Settings) -> None:
    assert from_toml(to_toml(settings)) == settings


@effort(max_examples=250, deadline=None)
@given(strategies.settings())
def test_settings_survive_the_share_string(settings: Settings) -> None:
    try:
        text = to_share(settings, {"inner_step": 3})
    except SettingsError as error:
        assert "2000" in str(error)  # eight arms with long names do not fit, and are told so
        return
    assert len(text) <= MAX_SHARE
    assert from_share(text) == (settings, {"inner_step": 3})
    assert to_share(*from_share(text)) == text


TASKS = "waves:1:1:10:12:1.421e+00;-1.269e-03;1.049e-01"
DATA = "letters:9:9:20:0123456789abcdef"


@pytest.mark.parametrize("family", FAMILIES)
def test_toml_names_every_hyperparameter_that_is_read_once(family: str) -> None:
    own = {"folder": {"data": DATA, "shots": 1}, "own": {"own_tasks": TASKS}}.get(family, {})
    settings = Settings().with_values({"family": family, **own})
    document = tomllib.loads(to_toml(settings))
    assert document.pop("schema") == SCHEMA
    assert [arm["algorithm"] for arm in document.pop("arms")] == ["maml", "fomaml", "anil", "mtl"]
    written = [key for table in document.values() for key in table]
    # a file of sines is as it was before there were families
    names_it = family != "sine"
    assert written == [
        key for key in DECLARATIONS if (names_it if key == "family" else settings.reads(key))
    ]


def test_only_what_differs_is_shared() -> None:
    assert to_share(Settings()) == share({})
    changed = Settings().with_values({"seed": 7, "hidden": (8,)})
    assert content(to_share(changed)) == {"settings": {"hidden": [8], "seed": 7}}


def test_a_teachers_link_fits() -> None:
    settings = Settings().with_values({"seed": 3, "inner_lr": 0.02, "noise": 0.3, "shots": 5})
    settings = settings.with_arms(
        (
            *settings.arms,
            Arm("MAML, α = 0.1", "maml", (("inner_lr", 0.1),)),
            Arm("Reptile, slow", "reptile", (("reptile_step", 0.01),)),
        )
    )
    text = to_share(settings, VIEW)
    assert len(text) < 1200
    assert from_share(f"  {text}\n") == (settings, VIEW)


def test_numbers_of_a_view_keep_six_digits() -> None:
    assert from_share(to_share(Settings(), {"task": [1.23456789, 3]})).view == {
        "task": [1.23457, 3]
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ["schema", "missing", "1"]),
        ("schema = true", ["schema", "true"]),
        ("schema = 2", ["schema", "2", "newer"]),
        ("schema = 1\n[inner]\ninner_rate = 0.1", ["inner_rate", "0.1", "inner_lr"]),
        ("schema = 1\n[innner]\ninner_lr = 0.1", ["innner", "inner"]),
        ("schema = 1\n[outer]\ninner_lr = 0.1", ["inner_lr", "[outer]"]),
        ("schema = 1\n[inner]\ninner_lr = -1.0", ["inner_lr", "-1", "from 0 to 100"]),
        ("schema = 1\n[inner]\ninner_lr = nan", ["inner_lr", "nan", "from 0 to 100"]),
        ("schema = 1\n[inner]\ninner_lr = inf", ["inner_lr", "inf"]),
        ("schema = 1\n[inner]\ninner_lr = '0.1'", ["inner_lr", "0.1"]),
        ("schema = 1\n[inner]\nshots = 2.5", ["shots", "2.5", "whole number"]),
        ("schema = 1\n[model]\nhidden = []", ["hidden", "empty"]),
        ("schema = 1\n[model]\nhidden = [0]", ["hidden", "0"]),
        ("schema = 1\n[model]\nhidden = " + "[" * 240, ["TOML"]),
        ("schema = 1\n[model]\nhidden = [1, 1, 1, 1, 1, 1, 1, 1, 1]", ["hidden", "1 to 8"]),
        ("schema = 1\n[model]\nactivation = 'gelu'", ["activation", "gelu", "relu"]),
        ("schema = 1\n[tasks]\nphase_min = 4.0", ["phase_min", "phase_max", "4"]),
        ("schema = 1\ninner = 3", ["[inner]", "3"]),
        ("schema = 1\narms = []", ["arms", "1 to 12"]),
        ("schema = 1\narms = [1]", ["[[arms]]", "1"]),
        ("schema = 1\n[[arms]]\nname = 'a'", ["algorithm"]),
        ("schema = 1\n[[arms]]\nalgorithm = 'protonet'", ["protonet", "maml"]),
        ("schema = 1\n[[arms]]\nalgorithm = 'maml'\ncolor = 1", ["color"]),
        (
            "schema = 1\n[[arms]]\nalgorithm = 'maml'\noverrides = {shots = 3}",
            ["shots", "inner_lr"],
        ),
        ("schema = 1\n" + "[[arms]]\nalgorithm = 'maml'\n" * 2, ["MAML", "name"]),
        ("schema = 1\n" + "[[arms]]\nalgorithm = 'maml'\n" * 13, ["1 to 12"]),
        ("schema = " + "9" * 5000, ["5009", "500"]),
        ("schema = 1\nseed = [", ["TOML"]),
        ("#" * 400 + ("\n" + "#" * 400) * 200, [str(MAX_TOML)]),
        ("schema = 1\n[run]\nseed = 1979-05-27", ["seed", "1979-05-27"]),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(text: str, named: list[str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        from_toml(text)
    sentence(str(refusal.value))
    for part in named:
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ["maml1."]),
        ("hello", ["maml1."]),
        ("maml2.e30", ["maml2", "maml1"]),
        ("maml1.%%%", ["damaged"]),
        ("maml1.e3", ["damaged"]),
        ("maml1." + "e" * MAX_SHARE, ["2006", "2000"]),
        (share([]), ["table"]),
        (share({"exec": 1}), ["exec"]),
        (share({"settings": {"seed": -1}}), ["seed", "-1"]),
        (share({"settings": {"sead": 1}}), ["sead"]),
        (share({"settings": {"activation": "re\nlu"}}), ["activation", "re lu"]),
        (share({"settings": {"inner_lr": float("nan")}}), ["damaged"]),
        (share({"settings": {"inner_lr": 10**400}}), ["damaged"]),
        (share({"settings": []}), ["settings"]),
        (share({"arms": [["a"]]}), ["name and an algorithm"]),
        (share({"arms": [["a", "maml", {"shots": 1}]]}), ["shots"]),
        (share({"arms": [["a", ["maml"]]]}), ["algorithm"]),
        (share({"arms": []}), ["1 to 12"]),
        (share({"view": {"points": [[0.0, 0.0]] * 21}}), ["points", "20"]),
        (share({"view": {"Points": 1}}), ["Points"]),
        (share({"view": {"tab": "x" * 81}}), ["tab", "80"]),
        (share({"view": {"tab": "\ud800"}}), ["tab"]),
        (share({"view": {"tab": {"a": 1}}}), ["tab"]),
        (share({"view": {"tab": [[[1]]]}}), ["tab"]),
        (share({"view": {f"a{'b' * n}": 1 for n in range(17)}}), ["17", "16"]),
    ],
)
def test_a_wrong_share_string_is_refused_in_one_sentence(text: str, named: list[str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        from_share(text)
    sentence(str(refusal.value))
    for part in named:
        assert part in str(refusal.value)


def test_deep_nesting_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")
    for text in (SHARE_PREFIX + deep, SHARE_PREFIX + deep[: 4 * 300]):
        with pytest.raises(SettingsError):
            from_share(text)
    with pytest.raises(SettingsError):
        from_toml("schema = 1\n[model]\nhidden = " + "[\n" * 3000)
    with pytest.raises(SettingsError):
        from_toml("schema = 1\n[model]\nhidden = " + "[" * 200 + "]" * 200)


@effort(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_prefix_are_settings_or_refused(data: bytes) -> None:
    text = SHARE_PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")
    try:
        assert isinstance(from_share(text).settings, Settings)
    except SettingsError as error:
        sentence(str(error))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@effort(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["settings", "arms", "view"]), json_like)
    | st.fixed_dictionaries(
        {"settings": st.dictionaries(st.sampled_from(list(DECLARATIONS)), json_like, max_size=3)}
    )
)
def test_any_json_is_settings_or_refused(content: dict[str, Any]) -> None:
    try:
        assert isinstance(from_share(share(content)).settings, Settings)
    except SettingsError as error:
        sentence(str(error))


def test_what_is_a_share_string() -> None:
    assert is_share(" maml1.abc")
    assert is_share("maml23.abc")
    assert not is_share("maml.toml")
    assert not is_share("runs/maml1/settings.toml")


def test_what_is_of_another_kind_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match="it is text"):
        from_toml('schema = 1\n[[arms]]\nname = 3\nalgorithm = "maml"\n')
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SettingsError, match="nested too deeply"):
        settings_from({"schema": 1, "tasks": {"noise": deep}})


def test_arms_as_json() -> None:
    arms = (default_arm("maml"), Arm('a "b", ü', "anil", (("inner_lr", 1 / 3),)))
    assert arms_from_json(arms_to_json(arms)) == arms
    for text in ("", "[", "[[]]", "{}", "[NaN]", '["nothing"]', "[" * 100_000):
        with pytest.raises(SettingsError):
            arms_from_json(text)


def test_a_view_keeps_truth_values_and_nothing() -> None:
    view = {"pinned": True, "tab": None}
    assert from_share(to_share(Settings(), view)).view == view


@pytest.mark.parametrize("name", ["\n", "a\nb", "\u2028x"])
def test_what_is_quoted_stays_on_one_line(name: str) -> None:
    for refuse in (
        lambda: Arm("a", name),
        lambda: Arm("a", "maml", ((name, 1),)),
        lambda: Settings().arm(name),
        lambda: Settings().with_values({name: 1}),
        lambda: DECLARATIONS["inner_lr"].parse(name),
    ):
        with pytest.raises(SettingsError) as refusal:
            refuse()
        sentence(str(refusal.value))
        assert len(str(refusal.value).splitlines()) == 1
