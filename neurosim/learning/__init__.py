"""Learning: teaching signals, gradient estimators, references, programmers and the controller."""
