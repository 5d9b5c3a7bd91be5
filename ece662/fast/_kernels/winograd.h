/* Convolution with 3 x 3 filters and stride 1 by Winograd's minimal filtering.

   ece662/fast/winograd.py explains the idea, in NumPy. With U, V and D for transformed
   filters, pixels and gradients of the output, a tile of 4 x 4 outputs has

       outputs           A^T [ sum over channels of U * V ] A
       filters' gradient G^T [ sum over tiles    of V * D ] G

   Each of the IN_TILE^2 places of a transformed tile is treated apart, so at each place
   the sums are a product of matrices (product.h), such as [tiles][channels] by
   [channels][filters]. Channels, or filters, stand side by side: so the transforms are
   additions of whole vectors.

   A strip is a row of tiles of one image. Some strips make a block, of about
   TILES_IN_BLOCK tiles (tiles.py), that is transformed and multiplied before the next:
   enough for each number of U to serve many tiles, few enough for V to stay in the
   cache. */

#define PLACE(i, j) ((i) * IN_TILE + (j))

/* How many vectors wide the block of filters is that begins at filter `first` of F:
   at most a tile of products, and all blocks as equal as can be. */
INLINE int NAME(block)(ptrdiff_t F, ptrdiff_t first)
{
    const ptrdiff_t vectors = (F + LANES - 1) / LANES, left = vectors - first / LANES;
    const ptrdiff_t blocks = (vectors + TILE_SPOTS - 1) / TILE_SPOTS;
    const ptrdiff_t equal = (vectors + blocks - 1) / blocks;
    return (int)(left < equal ? left : equal);
}
#define EACH_BLOCK(f, vectors, F) \
    int vectors; \
    for (ptrdiff_t f = 0; (vectors = NAME(block)(F, f)) > 0; f += vectors * LANES)

/* From one place to the next in V, and in what has a block's filters. The cache line
   between them keeps the places of a tile from all falling on the same lines. */
INLINE Room NAME(room)(const Tiling *at)
{
    const ptrdiff_t tiles = at->strips * at->across, line = 64 / sizeof(REAL);
    const Room room = {tiles * ROUND_UP(at->images.channels) + line,
                       tiles * TILE_SPOTS * LANES + line};
    return room;
}

/* Transform the tiles of a strip: size x size pixels each, OUT_TILE right of the last
   one. Place p of a transform goes to to[p * place]. */
INLINE void NAME(spread)(const int size, const REAL *matrix, const REAL *strip,
                         const Tiling *at, ptrdiff_t columns, ptrdiff_t width, REAL *to,
                         ptrdiff_t place)
{
    for (ptrdiff_t t = 0; t < at->across; t++, strip += OUT_TILE * width)
        for (ptrdiff_t v = 0; v < width; v += LANES, to += LANES) {
            VEC tile[PLACES], places[PLACES];
            EACH(i, size) EACH(j, size)
                tile[i * size + j] = LOAD(strip + (i * columns + j) * width + v);
            NAME(transform)(IN_TILE, size, matrix, 0, tile, places);
            EACH(i, IN_TILE) EACH(j, IN_TILE)
                STORE(to + PLACE(i, j) * place, places[PLACE(i, j)]);
        }
}

/* Transform the pixels of some strips, of which `first` is the number in the batch.
   `strip` holds IN_TILE rows; the last two of one are the first two of the next. */
INLINE void NAME(spread_pixels)(const Tiling *at, const REAL *images, ptrdiff_t first,
                                ptrdiff_t strips, REAL *strip, REAL *V, ptrdiff_t place)
{
    const Images *of = &at->images;
    const ptrdiff_t width = ROUND_UP(of->channels), columns = OUT_TILE * at->across + 2;
    for (ptrdiff_t s = first; s < first + strips; s++, V += at->across * width) {
        const REAL *image =
            images + s / at->down * of->channels * of->height * of->width;
        const ptrdiff_t top = s % at->down * OUT_TILE - at->pad;
        const ptrdiff_t known = s > first && s % at->down ? 2 : 0;
        memmove(strip, strip + OUT_TILE * columns * width,
                known * columns * width * sizeof(REAL));
        NAME(turn_rows)(image, of, top + known, -at->pad, IN_TILE - known, columns,
                        strip + known * columns * width);
        NAME(spread)(IN_TILE, &NAME(B)[0][0], strip, at, columns, width, V, place);
    }
}

/* Transform some strips of products back to outputs of filters `f` and the next. */
INLINE void NAME(gather_outputs)(const Tiling *at, const REAL *products,
                                 ptrdiff_t place, int vectors, ptrdiff_t f,
                                 const REAL *bias, ptrdiff_t first, ptrdiff_t strips,
                                 REAL *strip, REAL *out)
{
    const Images *of = &at->outputs;
    const ptrdiff_t width = vectors * LANES, columns = OUT_TILE * at->across;
    const ptrdiff_t count = of->channels - f < width ? of->channels - f : width;
    for (ptrdiff_t s = first; s < first + strips; s++) {
        for (ptrdiff_t t = 0; t < at->across; t++)
            for (int v = 0; v < vectors; v++, products += LANES) {
                VEC places[PLACES], tile[PLACES];
                REAL *corner = strip + t * OUT_TILE * width + v * LANES;
                const VEC shift = LOAD(bias + f + v * LANES);
                EACH(i, IN_TILE) EACH(j, IN_TILE)
                    places[PLACE(i, j)] = LOAD(products + PLACE(i, j) * place);
                NAME(transform)(OUT_TILE, IN_TILE, &NAME(A)[0][0], 1, places, tile);
                EACH(i, OUT_TILE) EACH(j, OUT_TILE)
                    STORE(corner + (i * columns + j) * width,
                          tile[i * OUT_TILE + j] + shift);
            }
        const ptrdiff_t i = s % at->down * OUT_TILE, left = of->height - i;
        const ptrdiff_t rows = left < OUT_TILE ? left : OUT_TILE;
        const ptrdiff_t plane = (s / at->down * of->channels + f) * of->height + i;
        NAME(turn_back)(strip, columns, width, count, rows, of,
                        out + plane * of->width);
    }
}

/* For each block of filters as wide as a tile of products, U [place][channel][filter],
   from w [filter][channel][9]: the channels from `first` on, of which w holds `count`.
   `turned` has room for 9 vectors a channel of w and column. */
KERNEL void NAME(winograd_filters)(const Tiling *at, const void *filters, void *memory,
                                   void *to, ptrdiff_t first, ptrdiff_t count)
{
    const REAL *w = filters;
    REAL *turned = memory, *U = to;
    const ptrdiff_t C = at->images.channels, F = at->outputs.channels;
    EACH_BLOCK(f, vectors, F) {
        const ptrdiff_t width = vectors * LANES, left = F - f, pixels = count * 9;
        NAME(turn)(w + f * pixels, pixels, left < width ? left : width, pixels, width,
                   turned);
        for (ptrdiff_t c = 0; c < count; c++)
            for (ptrdiff_t v = 0; v < width; v += LANES) {
                VEC filter[9], places[PLACES];
                REAL *place = U + (first + c) * width + v;
                EACH(k, 9) filter[k] = LOAD(turned + (c * 9 + k) * width + v);
                NAME(transform)(IN_TILE, 3, &NAME(G)[0][0], 0, filter, places);
                EACH(i, IN_TILE) EACH(j, IN_TILE)
                    STORE(place + PLACE(i, j) * C * width, places[PLACE(i, j)]);
            }
        U += PLACES * C * width;
    }
}

/* Compute the strips first ... last - 1 of the batch. */
KERNEL void NAME(winograd_convolve)(const Tiling *at, const void *images, const void *U,
                                    const void *bias, void *out, void *memory,
                                    ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t C = at->images.channels, F = at->outputs.channels;
    const Room room = NAME(room)(at);
    REAL *V = memory, *products = V + PLACES * room.V;
    REAL *strip = products + PLACES * room.block;
    for (ptrdiff_t s = first; s < last; s += at->strips) {
        const ptrdiff_t strips = last - s < at->strips ? last - s : at->strips;
        const Product sizes = {strips * at->across, C, ROUND_UP(C), 1, 0};
        const REAL *filters = U;
        NAME(spread_pixels)(at, images, s, strips, strip, V, room.V);
        EACH_BLOCK(f, vectors, F) {
            for (int p = 0; p < PLACES; p++, filters += C * vectors * LANES)
                NAME(product)(vectors, V + p * room.V, filters,
                              products + p * room.block, &sizes);
            NAME(gather_outputs)(at, products, room.block, vectors, f, bias, s, strips,
                                 strip, out);
        }
    }
}

/* Transform the gradients of filters `f` and the next, of some strips, to D. At the
   place (1, 1) the transform sums the whole tile: what the biases' gradient adds. */
INLINE void NAME(spread_gradients)(const Tiling *at, const REAL *dout, int vectors,
                                   ptrdiff_t f, ptrdiff_t first, ptrdiff_t strips,
                                   REAL *strip, REAL *D, ptrdiff_t place, REAL *db)
{
    Images of = at->outputs;
    const ptrdiff_t width = vectors * LANES, columns = OUT_TILE * at->across;
    const ptrdiff_t plane = of.height * of.width, all = of.channels, m = OUT_TILE;
    of.channels = all - f < width ? all - f : width;
    for (ptrdiff_t s = first; s < first + strips; s++, D += at->across * width) {
        const REAL *planes = dout + (s / at->down * all + f) * plane;
        NAME(turn_rows)(planes, &of, s % at->down * m, 0, m, columns, strip);
        NAME(spread)(OUT_TILE, &NAME(A)[0][0], strip, at, columns, width, D, place);
        const REAL *sums = D + PLACE(1, 1) * place;
        for (ptrdiff_t t = 0; t < at->across; t++, sums += width)
            for (ptrdiff_t v = 0; v < width; v += LANES)
                STORE(db + f + v, LOAD(db + f + v) + LOAD(sums + v));
    }
}

/* Transform sums [place][channel][filter] for each block of filters back to
   dw [channel * 9][filter]. */
INLINE void NAME(gather_filters)(const Tiling *at, const REAL *sums, REAL *dw)
{
    const ptrdiff_t C = at->images.channels, F = at->outputs.channels;
    const ptrdiff_t pitch = ROUND_UP(F);
    EACH_BLOCK(f, vectors, F) {
        const ptrdiff_t width = vectors * LANES;
        for (ptrdiff_t c = 0; c < C; c++)
            for (ptrdiff_t v = 0; v < width; v += LANES) {
                VEC filter[9], places[PLACES];
                const REAL *from = sums + c * width + v;
                EACH(i, IN_TILE) EACH(j, IN_TILE)
                    places[PLACE(i, j)] = LOAD(from + PLACE(i, j) * C * width);
                NAME(transform)(3, IN_TILE, &NAME(G)[0][0], 1, places, filter);
                EACH(k, 9) STORE(dw + (c * 9 + k) * pitch + f + v, filter[k]);
            }
        sums += PLACES * C * width;
    }
}

/* Add up the gradients of the filters over the strips first ... last - 1, into
   dw [channel * 9][filter] and, one row further, that of the biases. */
KERNEL void NAME(winograd_gradient)(const Tiling *at, const void *images,
                                    const void *dout, void *to, void *memory,
                                    ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t C = at->images.channels, F = at->outputs.channels;
    const Room room = NAME(room)(at);
    REAL *V = memory, *D = V + PLACES * room.V, *sums = D + PLACES * room.block;
    REAL *strip = sums + PLACES * C * ROUND_UP(F);
    REAL *dw = to, *db = dw + C * 9 * ROUND_UP(F);
    for (ptrdiff_t s = first; s < last; s += at->strips) {
        const ptrdiff_t strips = last - s < at->strips ? last - s : at->strips;
        const Product sizes = {C, strips * at->across, 1, ROUND_UP(C), s > first};
        REAL *places = sums;
        NAME(spread_pixels)(at, images, s, strips, strip, V, room.V);
        EACH_BLOCK(f, vectors, F) {
            NAME(spread_gradients)(at, dout, vectors, f, s, strips, strip, D,
                                   room.block, db);
            for (int p = 0; p < PLACES; p++, places += C * vectors * LANES)
                NAME(product)(vectors, V + p * room.V, D + p * room.block, places,
                              &sizes);
        }
    }
    NAME(gather_filters)(at, sums, dw);
}

/* Numbers of memory that the two kernels above need; `sums` for the second of them. */
KERNEL ptrdiff_t NAME(winograd_memory)(const Tiling *at, int sums)
{
    const ptrdiff_t C = ROUND_UP(at->images.channels);
    const ptrdiff_t F = ROUND_UP(at->outputs.channels);
    const ptrdiff_t pixels = IN_TILE * (OUT_TILE * at->across + 2) * C;
    const ptrdiff_t outputs = OUT_TILE * OUT_TILE * at->across * TILE_SPOTS * LANES;
    const Room room = NAME(room)(at);
    return PLACES * (room.V + room.block + (sums ? C * F : 0)) +
           (pixels > outputs ? pixels : outputs);
}
