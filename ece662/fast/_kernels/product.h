/* The product of two matrices, in tiles that stay in registers:

       to[r][f] = sum_k a[r][k] * b[k][f]

   As in convolve.h, a tile is some rows by some vectors of filters, and each number
   that is fetched serves a whole row or column of it. `a` may lie either way round: its
   rows are `row` numbers apart, its columns `step`. A row of b and of `to` has
   `columns` vectors. */

INLINE void NAME(product_tile)(const int rows, const int columns, const REAL *a,
                               const REAL *b, REAL *to, const Product *at)
{
    VEC sum[TILE_FILTERS][TILE_SPOTS], vectors[TILE_SPOTS];
    const ptrdiff_t row = at->row, step = at->step;

    EACH(r, rows) EACH(c, columns)
        sum[r][c] = at->add ? LOAD(to + (r * columns + c) * LANES) : (VEC){0};

    for (ptrdiff_t k = 0; k < at->depth; k++, a += step, b += columns * LANES) {
        EACH(c, columns) vectors[c] = LOAD(b + c * LANES);
        EACH(r, rows) {
            const REAL number = a[r * row];
            EACH(c, columns) sum[r][c] += number * vectors[c];
        }
    }

    EACH(r, rows) EACH(c, columns) STORE(to + (r * columns + c) * LANES, sum[r][c]);
}

/* All rows, in tiles as equal as can be. */
INLINE void NAME(product_rows)(const int columns, const REAL *a, const REAL *b,
                               REAL *to, const Product *at)
{
    ptrdiff_t tiles = (at->rows + TILE_FILTERS - 1) / TILE_FILTERS;
    for (ptrdiff_t left = at->rows; left > 0; tiles--) {
        const ptrdiff_t rows = (left + tiles - 1) / tiles;
#define TILE(n) case n: NAME(product_tile)(n, columns, a, b, to, at); break;
        switch (rows) { TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) }
#undef TILE
        a += rows * at->row;
        to += rows * columns * LANES;
        left -= rows;
    }
}

KERNEL void NAME(product)(int columns, const REAL *a, const REAL *b, REAL *to,
                          const Product *at)
{
#define TILE(n) case n: NAME(product_rows)(n, a, b, to, at); break;
    switch (columns) {
        TILE(1) TILE(2)
#if TILE_SPOTS > 2
        TILE(3) TILE(4)
#endif
    }
#undef TILE
}
