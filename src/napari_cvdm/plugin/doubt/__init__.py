"""The panel that shows how far to trust a result: one dock widget, linked to the result layers."""

from napari_cvdm.plugin.doubt.panel import DoubtPanel, show_doubt_panel

__all__ = ["DoubtPanel", "show_doubt_panel"]
