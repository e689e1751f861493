"""What applies at once, and what waits for a restart."""

from __future__ import annotations

from maml_explorer.settings.presets import presets
from maml_explorer.settings.restart import in_force_part, restart_reasons
from maml_explorer.settings.settings import Settings


def test_what_is_in_force_stays_allowed_from_any_preset_to_any_other() -> None:
    """50 shots of a sine apply at once, but not to letters that 20 hands have drawn."""
    shown = [preset.settings for preset in presets().values()]
    for before in shown:
        for after in shown:
            now = in_force_part(before, after)
            assert now.family == before.family
            assert now.with_values({}) == now, "is allowed"


def test_what_the_new_family_alone_reads_waits_with_it() -> None:
    before = Settings()
    after = before.with_values({"family": "formula", "formula": "A*tanh(w*x - p)", "shots": 5})
    now = in_force_part(before, after)
    assert (now.family, now["formula"]) == (before.family, before["formula"])
    assert now.inner.shots == 5
    assert "Formula" in restart_reasons(before, after)


def test_everything_waits_where_the_rest_contradicts_what_is_in_force() -> None:
    letters, sines = (presets()[name].settings for name in ("glyphs-2-way-4-shot", "reptile-sine"))
    assert in_force_part(letters, sines) == letters
    assert in_force_part(sines, Settings()).inner.shots == Settings().inner.shots
