import math

import numpy as np


def s_shaped(x, t_left, a_left, t_right, a_right):
    # through four points, straight in between
    at = [t_left - 20, t_left, t_right, t_right + 20]
    return float(np.interp(x, at, [t_left - 20 * a_left, t_left, t_right, t_right + 20 * a_right]))


VALUES = {
    "identity": lambda x: x,
    "quadratic": lambda x: x**2,
    "relu": lambda x: x if x > 0 else 0.0,
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "abs": lambda x: math.sqrt(x * x),
    "sign": lambda x: 0.0 if x == 0 else x / abs(x),
    "hard_tanh": lambda x: sorted((-1.0, x, 1.0))[1],
    "hard_sigmoid": lambda x: sorted((0.0, x / 6 + 0.5, 1.0))[1],
    "hard_swish": lambda x: x * sorted((0.0, x / 6 + 0.5, 1.0))[1],
    "prelu": lambda x, slope: max(x, 0.0) + slope * min(x, 0.0),
    "arelu": lambda x, alpha, beta: (1.5 + math.tanh(beta / 2) / 2) * max(x, 0.0) + alpha * min(x, 0.0),
    "relu6": lambda x: sorted((0.0, x, 6.0))[1],
    "squared_relu": lambda x: x * max(x, 0.0),
    "star_relu": lambda x, scale, bias: (scale * x**2 if x > 0 else 0.0) + bias,
    "s_shaped_relu": s_shaped,
    "threshold": lambda x, theta, value: x if x > theta else value,
    "step": lambda x: float(x > 0),
    "hard_mish": lambda x: x if x >= 0 else x * (x + 2) / 2 if x > -2 else 0.0,
    "square_nonlinearity": lambda x: math.copysign(1 - (1 - min(abs(x), 2.0) / 2) ** 2, x),
    "tent": lambda x, delta: delta * max(0.0, 1 - abs(x / delta)),
}
