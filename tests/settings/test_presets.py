"""Every preset says exactly what its source does."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from maml_explorer.core.models.table import network
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.presets import (
    DEFAULT_PRESET,
    Preset,
    Presets,
    Published,
    load_preset,
    preset_from,
    preset_toml,
    presets,
)
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.text import to_toml

# name → α, inner steps, shots, query points, meta-batch, outer steps, hidden, initialization
SOURCES = {
    "finn-10-shot": (0.01, 1, 10, 10, 25, 70_000, (40, 40), "pytorch"),
    "cbfinn-code": (0.001, 1, 10, 10, 25, 70_000, (40, 40), "truncated-normal"),
    "learn2learn-sine": (0.01, 5, 10, 10, 16, 10_000, (32, 32), "pytorch"),
    "pytorch-maml": (0.1, 1, 5, 15, 25, 5_000, (40, 40), "pytorch"),
    "torch-func": (0.1, 1, 20, 20, 4, 20_000, (40, 40), "pytorch"),
    "cavia-sine": (1.0, 1, 10, 10, 25, 50_000, (40, 40), "pytorch"),
    "cavia-maml": (0.1, 1, 10, 10, 25, 50_000, (40, 40), "pytorch"),
    "reptile-sine": (0.02, 1, 50, 10, 1, 30_000, (64, 64), "pytorch"),
    "meta-sgd-5-shot": (0.01, 1, 5, 10, 4, 60_000, (40, 40), "pytorch"),
    "63days-meta-sgd": (0.01, 1, 10, 10, 4, 60_000, (40, 40), "truncated-normal"),
    "meta-curvature-sine": (0.001, 1, 10, 10, 25, 70_000, (40, 40), "truncated-normal"),
}
# name → ways, shots, jitter
IMAGES = {
    "glyphs-2-way-4-shot": (2, 4, 1.4),
    "glyphs-5-way-1-shot": (5, 1, 1.0),
    "glyphs-5-way-5-shot": (5, 5, 1.0),
}
# name → ways, α, inner steps, meta-batch, network
OMNIGLOT = {
    "omniglot-5-way-1-shot-conv": (5, 0.4, 1, 32, "conv"),
    "omniglot-20-way-1-shot-conv": (20, 0.1, 5, 16, "conv"),
    "omniglot-5-way-1-shot-no-conv": (5, 0.4, 1, 32, "mlp"),
}
PHASES = {
    "torch-func": (-math.pi, 0.0),
    "63days-meta-sgd": (-math.pi, 0.0),
    "reptile-sine": (0.0, 2 * math.pi),
}
KEYS = (
    "inner_lr", "inner_steps", "shots", "query_points", "meta_batch", "outer_steps", "hidden",
    "initialization",
)  # fmt: skip


def published(**changes: str) -> str:
    table = {
        "algorithm": "'maml'", "shots": "5", "source": "'a'", "inner_steps": "[1]", "mse": "[1.0]",
    } | changes  # fmt: skip
    return "\n".join(["[[published]]", *(f"{key} = {value}" for key, value in table.items())])


def test_a_published_table_is_read() -> None:
    preset = preset_from(f"schema = 1\n{published()}", "a")
    assert preset.published == (Published("maml", 5, (1,), (1.0,), "a"),)


def test_the_presets_are_those_of_the_table() -> None:
    assert set(presets()) == {*SOURCES, *IMAGES, *OMNIGLOT, "oml-sine"}
    assert next(iter(presets())) == DEFAULT_PRESET == "finn-10-shot"


@pytest.mark.parametrize("name", SOURCES)
def test_values(name: str) -> None:
    preset = load_preset(name)
    settings = preset.settings
    assert tuple(settings[key] for key in KEYS) == SOURCES[name]
    amplitudes = (0.1, 0.5) if name == "torch-func" else (0.1, 5.0)
    phases = PHASES.get(name, (0.0, math.pi))
    assert (settings["amplitude_min"], settings["amplitude_max"]) == amplitudes
    assert (settings["phase_min"], settings["phase_max"]) == phases
    assert (settings["x_min"], settings["x_max"]) == (-5.0, 5.0)
    assert (settings["optimizer"], settings["outer_lr"]) == ("adam", 0.001)
    assert settings["activation"] == ("tanh" if name == "reptile-sine" else "relu")
    frequencies = (0.8, 1.2) if name == "meta-sgd-5-shot" else (1.0, 1.0)
    assert (settings["frequency_min"], settings["frequency_max"]) == frequencies
    assert preset.title and preset.source and preset.description and preset.unknown


def test_the_window_offers_every_preset() -> None:
    shown = presets().with_room_for_more()
    assert list(shown) == list(presets()) and "oml-sine" in shown
    shown.add({"mine": presets()["oml-sine"]})
    assert "mine" not in presets()


def test_the_stream_is_smaller_than_its_source_and_says_so() -> None:
    preset = load_preset("oml-sine")
    settings = preset.settings
    assert (settings.tasks.functions, settings.tasks.batches, settings.inner.shots) == (5, 2, 10)
    assert settings.inner.inner_steps == settings.run.test_steps == 10
    assert settings.arms[0].overrides == (("head_layers", 2),)
    assert [arm.algorithm for arm in settings.arms] == ["anil", "maml", "mtl", "mtl"]
    assert dict(settings.arms[3].overrides) == {
        "fine_tune": "head", "head_layers": 2, "inner_lr": 0.002,
    }  # fmt: skip
    for original in ("40 batches of 32", "8 layers of 300", "0.003", "20 000"):
        assert original in preset.unknown


def test_the_default_preset_is_the_default_settings() -> None:
    assert load_preset(DEFAULT_PRESET).settings == Settings()


def test_published_numbers() -> None:
    maml, mtl = load_preset("finn-10-shot").published
    assert (maml.algorithm, maml.shots, maml.inner_steps) == ("maml", 5, (1, 5, 10))
    assert maml.mse == (0.67, 0.38, 0.35)
    assert (mtl.algorithm, mtl.shots, mtl.inner_steps) == ("mtl", 5, (1, 5, 10))
    assert mtl.mse == (2.41, 2.23, 2.19)
    for entry in (maml, mtl):
        assert "Table 2" in entry.source
        assert entry.ci95 == ()
    several = load_preset("meta-sgd-5-shot").published
    assert [(p.algorithm, p.shots, p.mse, p.ci95) for p in several] == [
        ("maml", 5, (1.13,), (0.18,)), ("maml", 10, (0.85,), (0.14,)),
        ("maml", 20, (0.71,), (0.12,)), ("meta_sgd", 5, (0.90,), (0.16,)),
        ("meta_sgd", 10, (0.63,), (0.12,)), ("meta_sgd", 20, (0.50,), (0.10,)),
    ]  # fmt: skip
    first_order = load_preset("63days-meta-sgd")
    assert [(p.algorithm, p.shots, p.mse) for p in first_order.published] == [
        ("fomaml", 10, (0.6702,)), ("meta_sgd", 10, (0.3145,)),
    ]  # fmt: skip
    arm = first_order.settings.arms[1]
    steps = first_order.settings.outer.outer_steps
    assert dict(arm.overrides)["second_order_from"] > steps, "first order to the end"
    poster = load_preset("meta-curvature-sine").published
    assert [(p.algorithm, p.shots, p.mse, p.ci95) for p in poster] == [
        ("meta_curvature", 10, (0.20,), (0.02,)), ("meta_sgd", 10, (0.26,), (0.03,)),
        ("maml", 10, (0.44,), (0.04,)),
    ]  # fmt: skip
    with_numbers = {name for name, preset in presets().items() if preset.published}
    assert with_numbers == {
        DEFAULT_PRESET, "meta-sgd-5-shot", "63days-meta-sgd", "meta-curvature-sine",
    }  # fmt: skip


def test_reptile_takes_one_pass_of_minibatches() -> None:
    settings = load_preset("reptile-sine").settings
    assert [arm.algorithm for arm in settings.arms] == ["reptile"]
    passes = settings["reptile_inner_steps"] * settings["reptile_batch"] / settings["shots"]
    assert passes == 1
    assert (settings["reptile_step"], settings["reptile_anneal"]) == (0.1, True)
    assert settings["test_steps"] == 32


@pytest.mark.parametrize("name", IMAGES)
def test_image_presets_say_what_their_titles_say(name: str) -> None:
    preset = load_preset(name)
    images, inner = preset.settings.images, preset.settings.inner
    assert (images.ways, inner.shots, images.jitter) == IMAGES[name]
    assert preset.settings.family.key == "glyphs" and images.labels == "shuffled"
    assert not preset.published and "none of Omniglot" in preset.unknown
    words = (f"{inner.shots}-shot", f"{images.ways}-way")
    assert all(word in preset.title for word in words)


@pytest.mark.parametrize("name", OMNIGLOT)
def test_omniglot_protocols_are_those_of_the_paper(name: str) -> None:
    """Finn et al. 2017, appendix A.1."""
    preset = load_preset(name)
    own, (ways, inner_lr, steps, tasks, kind) = preset.settings, OMNIGLOT[name]
    assert (own.images.ways, own.inner.inner_lr, own.inner.inner_steps) == (ways, inner_lr, steps)
    assert (own.outer.meta_batch, own.outer.outer_steps, own.model.norm) == (tasks, 60_000, "batch")
    assert own.images.rotations and own.images.side == 28 and own.images.labels == "shuffled"
    assert (own.inner.shots, own.inner.query_points, own.model.model) == (1, 1, kind)
    sizes = network(own).matrices
    if kind == "conv":
        assert sizes == [(10, 64), (577, 64), (577, 64), (577, 64), (65, ways)]
    else:
        assert [rows - 1 for rows, _ in sizes] == [784, 256, 128, 64, 64]
    assert not preset.published and "--data" in preset.unknown


@pytest.mark.parametrize("name", [*SOURCES, *IMAGES, *OMNIGLOT])
def test_a_preset_survives_its_own_text(name: str) -> None:
    preset = load_preset(name)
    assert preset_from(preset_toml(preset), name) == preset


def test_a_file_is_a_preset_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    settings = Settings().with_values({"shots": 3})
    path.write_text(to_toml(settings))
    assert load_preset(path) == Preset("mine", "mine", "", "", settings)
    path.write_text(preset_toml(load_preset("torch-func")))
    assert load_preset(str(path)).settings == load_preset("torch-func").settings


@pytest.mark.parametrize(
    "text",
    [
        "preset = 1",
        "[preset]\nauthor = 'a'",
        "[preset]\ntitle = 1",
        "published = 1",
        "[[published]]\nalgorithm = 'maml'",
        published(mse="[]"),
        published(mse="[nan]"),
        published(algorithm="'x'"),
        published(shots="0"),
        published(source="''"),
        "[inner]\nshots = 0",
    ],
)
def test_a_wrong_preset_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        preset_from("schema = 1\n" + text, "a")
    assert "\n" not in str(refusal.value)


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    for name in ("finn", "a\nb", "x" * 5000, "nul\0byte", str(tmp_path)):
        with pytest.raises((SettingsError, StorageError)) as refusal:
            load_preset(name)
        assert "finn-10-shot" in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_list_of_titles_parses_no_preset(monkeypatch: pytest.MonkeyPatch):
    parsed = []

    def parse(text: str, name: str) -> Preset:
        parsed.append(name)
        return preset_from(text, name)

    texts = {name: preset_toml(preset) for name, preset in presets().items()}
    monkeypatch.setattr("maml_explorer.settings.presets.preset_from", parse)
    fresh = Presets({**texts, "odd": 'schema = 1\n[preset]\ntitle = "a \\"b\\""\n'})
    assert fresh.titles == {name: one.title for name, one in presets().items()} | {"odd": 'a "b"'}
    assert parsed == ["odd"], "only a title with escapes needs the parser"
    more = fresh.with_room_for_more()
    own = replace(presets()["torch-func"], title="Mine")
    more.add({"torch-func": own, "new": own})
    assert (more["torch-func"], more.titles["new"], list(more)[-1]) == (own, "Mine", "new")
    assert fresh["torch-func"].title == "torch.func · example" and len(more) == len(fresh) + 1
