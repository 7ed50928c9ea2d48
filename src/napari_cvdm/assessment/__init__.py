"""How far to trust a result: metrics, baselines, calibration, and pairs with a known truth."""
