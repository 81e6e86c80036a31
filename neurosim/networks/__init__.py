"""Networks that settle: what is connected to what, the activations, costs and dynamics."""
