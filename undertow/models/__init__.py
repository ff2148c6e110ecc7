"""Features in, calibrated probabilities out: the model families, calibration and ModelIntegrationFramework."""
