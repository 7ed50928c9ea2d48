"""The form of the dock widget and what stands around it."""
