"""A long name is elided in the middle, and whole where there is room."""

from __future__ import annotations

from napari_cvdm.plugin.doubt.eliding_combo import ElidingCombo

NAME = "2024-03-07 cell 12 position 4 tubulin 488 nm after treatment CVDM"


def test_names_are_elided_to_fit(qtbot):
    combo = ElidingCombo()
    qtbot.addWidget(combo)
    combo.addItem(NAME)
    combo.resize(150, 24)
    combo.show()
    assert combo.minimumSizeHint().width() > 150 > combo.minimumWidth()
    shown = combo.shown_text()
    assert "…" in shown
    assert shown.startswith("2024")
    assert shown.endswith("DM")
    combo.resize(900, 24)
    assert combo.shown_text() == NAME
    combo.grab()  # paints without complaint
