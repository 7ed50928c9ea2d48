"""The panel that shows how far to trust a result: one dock widget, linked to the result layers.

`napari_cvdm.plugin.doubt.panel` is where to begin.
"""
