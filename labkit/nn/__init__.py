"""Networks: plain keyword arguments, ``forward`` only computes, a second method gives activations by name."""
