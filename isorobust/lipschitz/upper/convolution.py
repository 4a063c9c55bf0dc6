"""Convolutions as linear maps: their matrix when small, their norm without it.

out[o, y, x] = sum over i, u, v of kernel[o, i, u, v] image[i, s y + u - t, s x + v - l]
with zeros outside the image (what deep learning calls a convolution): strides s and
padding ((t, b), (l, r)) around the height and width. All numpy, float64.
"""

import math

import numpy as np

from isorobust.lipschitz.norms import UNIT, spectral_norm

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


def padding_of(name: str, kernel: Pair, shape: Pair, stride: Pair = (1, 1)) -> Padding:
    """((top, bottom), (left, right)) of `VALID` and `SAME` as jax.lax has them."""
    if name == "VALID":
        return (0, 0), (0, 0)
    sides = []
    for k, n, s in zip(kernel, shape, stride, strict=True):
        total = max((math.ceil(n / s) - 1) * s + k - n, 0)
        sides.append((total // 2, total - total // 2))
    return sides[0], sides[1]


def dense(
    kernel: np.ndarray,
    shape: Pair,
    stride: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
) -> np.ndarray:
    """The matrix [out * h' * w', in * h * w] of a kernel [out, in, kh, kw], exactly.

    For images [in, h, w] of `shape` (h, w), flattened in this order. No entry is
    computed, only moved.
    """
    out, into, kh, kw = kernel.shape
    (h, w), ((top, bottom), (left, right)) = shape, padding
    rows = (h + top + bottom - kh) // stride[0] + 1
    columns = (w + left + right - kw) // stride[1] + 1
    matrix = np.zeros((out, rows, columns, into, h, w))
    for y in range(rows):
        for x in range(columns):
            # the window's corner in the image, and what of the window is inside
            v, u = y * stride[0] - top, x * stride[1] - left
            a, b = max(v, 0), min(v + kh, h)
            c, d = max(u, 0), min(u + kw, w)
            inside = kernel[:, :, a - v : b - v, c - u : d - u]
            matrix[:, y, x, :, a:b, c:d] = inside
    return matrix.reshape(out * rows * columns, into * h * w)


def circular_norm(
    kernel: np.ndarray, shape: Pair, padding: Padding = ((0, 0), (0, 0))
) -> float:
    """The norm of dense(kernel, shape, any stride, padding) from above, by the FFT.

    The padded image lies on a torus of its size, where the convolution is a part of the
    circular one (a stride only drops outputs), whose norm is the largest spectral norm
    of the kernel's Fourier transform [out, in] over the frequencies (Sedghi et al.
    2019). With zero padding and stride 1, above by what the border costs: a few percent
    of images much larger than the kernel.
    """
    size = [n + sum(sides) for n, sides in zip(shape, padding, strict=True)]
    size = [max(n, k) for n, k in zip(size, kernel.shape[2:], strict=True)]
    if not np.any(kernel) or not np.isfinite(kernel).all():
        return float(np.abs(kernel).max())
    symbol, scale, error = _symbol(kernel, size)
    largest = float(np.linalg.svd(symbol, compute_uv=False)[..., 0].max())
    # of the decomposition, like spectral_norm's
    error += 16 * sum(kernel.shape[:2]) * UNIT * largest
    return float(scale * (largest + error))


def gram_norm(kernel: np.ndarray, rounds: int = 5) -> float:
    """The norm of the convolution of an image of ANY size, stride, padding, from above.

    Gram iteration (Delattre et al. 2023) on the endless plane: G <- G'G, a kernel of
    twice the reach, so |kernel| = |G|^(1 / 2^rounds), and |G| is at most the spectral
    norm of the matrix of its taps' summed absolute values, whose excess the root takes
    away. Done in Fourier space on a grid that holds the last G: products there are
    convolutions, exactly but for the rounding, which is covered.
    """
    if not np.any(kernel) or not np.isfinite(kernel).all():
        return float(np.abs(kernel).max())
    size = [2**rounds * (k - 1) + 1 for k in kernel.shape[2:]]
    g, scale, error = _symbol(kernel, size)
    log, n = 0.0, max(kernel.shape[:2])
    for i in range(rounds):
        largest = float(np.linalg.norm(g, axis=(2, 3)).max())
        g, error = g / largest, error / largest + 2 * UNIT
        log += math.log(largest) / 2**i
        g = g.conj().swapaxes(2, 3) @ g
        # |G| <= 1 now, so an error of G is one of G'G at most 2 + error times as large
        error = error * (2 + error) + 8 * (n + 2) * UNIT
    taps = np.fft.ifft2(g, axes=(0, 1))
    sums = np.abs(taps).sum(axis=(0, 1))
    points = size[0] * size[1]
    error = n * points * (error + 16 * UNIT * (1 + math.log2(points)))
    root = (spectral_norm(sums) + error) ** (1 / 2**rounds)
    return scale * math.exp(log) * root * (1 + 64 * rounds * UNIT)


def _symbol(kernel: np.ndarray, size: list[int]) -> tuple[np.ndarray, float, float]:
    """(G [*size, out, in], scale, error): the transform of kernel / scale, up to error.

    error bounds the Frobenius norm of the error at every frequency.
    """
    scale = 2.0 ** np.frexp(np.abs(kernel).max())[1]
    symbol = np.fft.fft2(kernel / scale, s=size, axes=(2, 3)).transpose(2, 3, 0, 1)
    # an entry errs by a small multiple of u log(points) of its taps' |.| sum
    spread = float(np.linalg.norm(np.abs(kernel / scale).sum(axis=(2, 3))))
    steps = 1 + math.log2(size[0] * size[1])
    return symbol, float(scale), 16 * UNIT * steps * spread
