"""Convolution with fewer multiplications: Winograd's minimal filtering, in NumPy.

Slide a filter of three weights g along four pixels d. The two outputs take six
multiplications:

    y0 = d0 g0 + d1 g1 + d2 g2
    y1 = d1 g0 + d2 g1 + d3 g2

As they see almost the same pixels, four are enough:

    m1 = (d0 - d2) g0                      y0 = m1 + m2 + m3
    m2 = (d1 + d2) (g0 + g1 + g2) / 2      y1 = m2 - m3 - m4
    m3 = (d2 - d1) (g0 - g1 + g2) / 2
    m4 = (d1 - d3) g2

By hand, with d = 1, 3, 2, 5 and g = 2, 1, 1: the m are -1 * 2 = -2, 5 * 2 = 10,
-1 * 1 = -1 and -2 * 1 = -2, so y0 = -2 + 10 - 1 = 7 and y1 = 10 + 1 + 2 = 13. Directly,
y0 = 2 + 3 + 2 = 7 and y1 = 6 + 2 + 5 = 13.

Where does it come from? Sliding a filter is multiplying polynomials, read backwards:
(g0 + g1 t + g2 t^2)(y0 + y1 t) has four coefficients, and a polynomial with four
coefficients is known from its values at four points, each of which costs a single
multiplication. The brackets with g are the filter's values at t = 0, 1 and -1, and its
highest coefficient. The halves are constants, and additions are the cheap part: what is
done to g is done once for all pixels, what is done to d once for all filters.

As matrices it is y = A^T [(G g) * (B^T d)], where * multiplies number by number. In two
dimensions the same is done down the columns and along the rows,

    Y = A^T [(G g G^T) * (B^T d B)] A

for a tile of outputs at a time. Three weights and m outputs need m + 2 points:

    outputs in a tile    pixels    direct        minimal
    1 x 2                4         2 * 3 = 6     4         1.5 times fewer
    2 x 2                4 x 4     4 * 9 = 36    16        2.25 times
    4 x 4                6 x 6     16 * 9 = 144  36        4 times

Larger tiles save more, but their points are large numbers or small ones, with powers of
them in the matrices, and rounding errors grow: in float32, 4 x 4 is where to stop.

With many channels a tile sums over them before A goes to work. So at each of the 36
places the sums are a product of matrices, filters by channels times channels by tiles.

The layers below have the contract of `ece662.fast_layers`, whose compiled kernels do
the same (`ece662/fast/_kernels/winograd.h`). Lavin and Gray 2015 (arXiv 1509.09308)
brought it to neural networks; the numbers of multiplications are from Winograd 1980.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ece662._checks import as_floats, check_dout, conv_output_size

__all__ = ["MATRICES", "conv_backward_winograd", "conv_forward_winograd"]

# A, G and B^T, for tiles of 2 x 2 and of 4 x 4 outputs. A row of A and G belongs to one
# of the points 0, 1, -1, for 4 x 4 also 1/2 and -2: it holds the powers of that point,
# in G divided by its distances to the others. The last row is the highest power's.
MATRICES = {
    2: (
        [[1, 0], [1, 1], [1, -1], [0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    ),
    4: (
        [
            [1, 0, 0, 0],
            [1, 1, 1, 1],
            [1, -1, 1, -1],
            [1, 1 / 2, 1 / 4, 1 / 8],
            [1, -2, 4, -8],
            [0, 0, 0, 1],
        ],
        [
            [1, 0, 0],
            [1 / 3, 1 / 3, 1 / 3],
            [-1 / 3, 1 / 3, -1 / 3],
            [-16 / 15, -8 / 15, -4 / 15],
            [1 / 15, -2 / 15, 4 / 15],
            [0, 0, 1],
        ],
        [
            [1, -1.5, -2, 1.5, 1, 0],
            [0, -1, 0.5, 2.5, 1, 0],
            [0, 1, -2.5, 0.5, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 0.5, -1, -0.5, 1, 0],
            [0, 1, -1.5, -2, 1.5, 1],
        ],
    ),
}


def conv_forward_winograd(x, w, b, conv_param, tile=4):
    """Convolve with 3 x 3 filters and stride 1; else as `conv_forward_naive`.

    Args:
        tile: 4 or 2, the height and width of a tile of outputs.

    Raises:
        ValueError: filters or a stride that this way of computing does not serve.
    """
    x, w, b = as_floats(x), as_floats(w, "w"), as_floats(b, "b")
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    if w.shape[2:] != (3, 3) or conv_param["stride"] != 1:
        raise ValueError(
            "Winograd's filtering is for 3 x 3 filters with stride 1, got "
            f"{w.shape[2]} x {w.shape[3]} with stride {conv_param['stride']}"
        )
    A, G, B_T = (np.array(matrix, w.dtype) for matrix in MATRICES[tile])
    pixels = _cut(x, conv_param["pad"], tile, tile + 2, H_out, W_out)
    U, V = G @ w @ G.T, B_T @ pixels @ B_T.T
    Y = A.T @ _products(U, V) @ A  # (F, N * down * across, tile, tile)
    down, across = -(-H_out // tile), -(-W_out // tile)
    Y = Y.reshape(len(w), len(x), down, across, tile, tile)
    out = Y.transpose(1, 0, 2, 4, 3, 5).reshape(*Y.shape[1::-1], down * tile, -1)
    return out[:, :, :H_out, :W_out] + b[:, None, None], (x, w, b, conv_param)


def conv_backward_winograd(dout, cache, tile=4):
    """Take the gradient back: that of each line of the forward pass, from the last on.

    `Y = A.T @ M @ A` has the gradient `dM = A @ dY @ A.T`, and B^T and G likewise.
    """
    x, w, b, conv_param = cache
    size, pad = conv_output_size(x, w, b, conv_param), conv_param["pad"]
    dout = check_dout(dout, (len(x), len(w), *size))
    A, G, B_T = (np.array(matrix, w.dtype) for matrix in MATRICES[tile])
    U, V = G @ w @ G.T, B_T @ _cut(x, pad, tile, tile + 2, *size) @ B_T.T
    D = A @ _cut(dout, 0, tile, tile, *size) @ A.T
    dw = G.T @ _products(D, V.swapaxes(0, 1)) @ G
    dpixels = B_T.T @ _products(U.swapaxes(0, 1), D) @ B_T
    return _add_up(dpixels, x.shape, pad, tile, *size), dw, dout.sum(axis=(0, 2, 3))


def _products(a, b):
    """Multiply a (F, C, n, n) by b (C, T, n, n), as matrices at each of the places.

    Returns:
        (F, T, n, n).
    """
    return (a.transpose(2, 3, 0, 1) @ b.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)


def _cut(images, pad, step, size, H_out, W_out):
    """Cut images into tiles of size x size that begin `step` pixels apart.

    Returns:
        (C, N * down * across, size, size), enough of them for H_out x W_out outputs;
        zeros stand where a tile goes beyond the padded image.
    """
    _, C, H, W = images.shape
    below = -(-H_out // step) * step + size - step - H - pad
    right = -(-W_out // step) * step + size - step - W - pad
    padded = np.pad(images, ((0, 0), (0, 0), (pad, below), (pad, right)))
    tiles = sliding_window_view(padded, (size, size), axis=(2, 3))
    tiles = tiles[:, :, ::step, ::step].swapaxes(0, 1)  # (C, N, down, across, ...)
    return tiles.reshape(C, -1, size, size)


def _add_up(tiles, shape, pad, step, H_out, W_out):
    """Add tiles back to the pixels that `_cut` took them from; return (N, C, H, W)."""
    (N, C, H, W), size = shape, tiles.shape[-1]
    down, across = -(-H_out // step), -(-W_out // step)
    tiles = tiles.reshape(C, N, down, across, size, size).swapaxes(0, 1)
    padded = np.zeros((N, C, down * step + 2, across * step + 2), tiles.dtype)
    # All tiles at once, for one place after the other: so no two meet.
    for i in range(size):
        for j in range(size):
            rows, columns = (
                slice(i, i + down * step, step),
                slice(j, j + across * step, step),
            )
            padded[:, :, rows, columns] += tiles[..., i, j]
    return padded[:, :, pad : pad + H, pad : pad + W]
