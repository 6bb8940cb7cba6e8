"""Networks from coordinates to values: encodings, sine networks and their relatives, starts that fit them."""

from labkit.nn.fields.encodings import ENCODINGS, fourier_features
from labkit.nn.fields.field import FIELDS, FREQUENCIES, Derivatives, Field, Kind, parts
from labkit.nn.fields.rows import Rows
from labkit.nn.fields.starts import (
    Moments,
    backward_ratio,
    balanced_sigma,
    moments,
    variance_gain,
    variance_informed,
)
from labkit.nn.fields.wire import Wire

__all__ = [
    # models
    "FIELDS",
    "FREQUENCIES",
    "Derivatives",
    "Field",
    "Kind",
    "parts",
    # WIRE with complex weights, a module for autograd
    "Wire",
    # what coordinates are turned into
    "ENCODINGS",
    "fourier_features",
    # full-batch training on many points
    "Rows",
    # variance-informed starts
    "Moments",
    "backward_ratio",
    "balanced_sigma",
    "moments",
    "variance_gain",
    "variance_informed",
]
