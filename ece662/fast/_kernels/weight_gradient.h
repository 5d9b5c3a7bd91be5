/* Add one image's share to the gradients of weights and biases.

       dw[k][f] += sum over the outputs (i, j) of pixel(k, i, j) * dout[f][i][j]

   where pixel(k, i, j) = scratch[taps[k] + i * cols + j] lies below tap k. The bias is
   the weight of one more tap, whose pixels are all 1.

   As in convolve.h a tile of sums stays in registers, here some taps by some vectors of
   filters. To have the filters of one output side by side, dout is first turned from
   [f][i][j] into [i][j][f]. Then each output gives the tile one pixel for each tap and
   one vector for each column:

                    dout of   filters 0-15   filters 16-31  ...
       pixel below tap 0           +=             +=
       pixel below tap 1           +=             +=
         ...
       pixel below tap 5           +=             +=                                  */

/* Add `rows` rows of outputs to the sums of GRAD_TAPS taps by `columns` vectors. */
INLINE void NAME(grad_tile)(const int columns, const REAL *pixels, const Sums *sums,
                            const ptrdiff_t *taps, ptrdiff_t rows, const REAL *turned,
                            REAL *dw, ptrdiff_t pitch)
{
    VEC sum[GRAD_TAPS][GRAD_COLUMNS], d[GRAD_COLUMNS];
    const REAL *below[GRAD_TAPS];

    EACH(k, GRAD_TAPS) below[k] = pixels + taps[k];
    EACH(k, GRAD_TAPS)
        EACH(c, columns) sum[k][c] = LOAD(dw + k * pitch + c * LANES);

    for (ptrdiff_t i = 0; i < rows; i++) {
        const ptrdiff_t begin = i * sums->cols, end = begin + sums->width;
        for (ptrdiff_t p = begin; p < end; p++, turned += columns * LANES) {
            EACH(c, columns) d[c] = LOAD(turned + c * LANES);
            EACH(k, GRAD_TAPS) {
                const REAL pixel = below[k][p];
                EACH(c, columns) sum[k][c] += pixel * d[c];
            }
        }
    }

    EACH(k, GRAD_TAPS)
        EACH(c, columns) STORE(dw + k * pitch + c * LANES, sum[k][c]);
}

/* Add the outputs of some filters, `columns` vectors of them from filter `first` on. */
KERNEL void NAME(grad_columns)(int columns, ptrdiff_t first, const REAL *scratch,
                               const Sums *sums, const REAL *dout, REAL *turned,
                               REAL *dw, ptrdiff_t pitch)
{
    const ptrdiff_t plane = sums->rows * sums->width, width = columns * LANES;
    const ptrdiff_t left = sums->filters - first, count = left < width ? left : width;
    /* A strip of rows at a time: what is turned must not leave the cache. */
    const ptrdiff_t strip = sums->width < GRAD_STRIP ? GRAD_STRIP / sums->width : 1;
    for (ptrdiff_t i = 0; i < sums->rows; i += strip) {
        const ptrdiff_t rows = sums->rows - i < strip ? sums->rows - i : strip;
        const REAL *pixels = scratch + i * sums->cols;
        NAME(turn)(dout + first * plane + i * sums->width, plane, count,
                   rows * sums->width, width, turned);
        for (ptrdiff_t k = 0; k < sums->n_taps; k += GRAD_TAPS) {
            const ptrdiff_t *taps = sums->taps + k;
            REAL *to = dw + k * pitch + first;
#define TILE(n) \
    case n: NAME(grad_tile)(n, pixels, sums, taps, rows, turned, to, pitch); break;
            switch (columns) {
                TILE(1) TILE(2)
#if GRAD_COLUMNS > 2
                TILE(3) TILE(4)
#endif
            }
#undef TILE
        }
    }
}

/* Add one image, as many filters at a time as make a tile, all tiles alike in width. */
KERNEL void NAME(weight_gradient)(const void *scratch, const Sums *sums,
                                  const void *dout, void *turned, void *dw)
{
    const ptrdiff_t vectors = (sums->filters + LANES - 1) / LANES;
    const ptrdiff_t tiles = (vectors + GRAD_COLUMNS - 1) / GRAD_COLUMNS;
    const ptrdiff_t columns = (vectors + tiles - 1) / tiles;
    for (ptrdiff_t v = 0; v < vectors; v += columns) {
        const int here = (int)(vectors - v < columns ? vectors - v : columns);
        NAME(grad_columns)(here, v * LANES, scratch, sums, dout, turned, dw,
                           vectors * LANES);
    }
}
