"""Everything that knows napari or Qt: the dock widget, its worker, the result layers, the sample data."""
