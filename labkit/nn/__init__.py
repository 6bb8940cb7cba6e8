"""Networks: plain keyword arguments, ``forward`` only computes, activations by name through a second method."""
