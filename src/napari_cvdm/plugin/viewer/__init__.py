"""How panels behave in Qt and napari: rows, threads, dialogs, docks, units; nothing of restorations."""
