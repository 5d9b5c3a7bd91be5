/* Convolve one image: the inner loop of the forward pass and of the input's gradient.

   Every output is a sum over the taps k of its window (plan.py tells what the tables
   are):

       out[f][spot.out + lane] = bias[f]
                               + sum_k w[f][k] * scratch[spot.in + taps[k] + lane]

   To fetch a weight and a vector of pixels takes longer than to multiply them. So a
   tile of outputs, some filters by some spots, is computed at once, and its sums stay
   in registers. Each vector of pixels then serves all filters of the tile, and each
   weight all its spots:

                     pixels    spot 0   spot 1   spot 2   spot 3
       weight of filter 0       +=       +=       +=       +=
       weight of filter 1       +=       +=       +=       +=
         ...
       weight of filter 5       +=       +=       +=       +=

   AVX-512 and ARM have 32 registers: 6 x 4 sums, 4 vectors of pixels and a weight fill
   29. SSE2 and AVX2 have 16: 6 x 2 sums, 2 vectors and a weight fill 15. With one
   column more the compiler would have to move sums to memory and back. */

/* Write the wanted lanes of a tile that has unwanted ones, or outputs set apart. */
KERNEL __attribute__((noinline)) void NAME(scatter)(
    const int filters, const REAL (*lanes)[TILE_SPOTS][LANES], const Pass *pass,
    REAL *out, const Spot *spots)
{
    for (int f = 0; f < filters; f++, out += pass->plane)
        for (int s = 0; s < TILE_SPOTS; s++) {
            REAL *to = out + spots[s].out;
            for (ptrdiff_t i = 0; i < spots[s].count; i++)
                to[i * pass->step] = lanes[f][s][i];
        }
}

/* Compute one tile. `filters` is a constant at each call, so that the loops unroll. */
INLINE void NAME(tile)(const int filters, const REAL *scratch, const Pass *pass,
                       const REAL *weights, const REAL *bias, REAL *out,
                       const Spot *spots)
{
    VEC sum[TILE_FILTERS][TILE_SPOTS], pixels[TILE_SPOTS];
    const REAL *window[TILE_SPOTS];

    EACH(s, TILE_SPOTS) window[s] = scratch + spots[s].in;
    EACH(f, filters) EACH(s, TILE_SPOTS) sum[f][s] = (VEC){0} + bias[f];

    for (ptrdiff_t k = 0; k < pass->n_taps; k++, weights += pass->block) {
        EACH(s, TILE_SPOTS) pixels[s] = LOAD(window[s] + pass->taps[k]);
        EACH(f, filters) {
            const REAL weight = weights[f];
            EACH(s, TILE_SPOTS) sum[f][s] += weight * pixels[s];
        }
    }

    int whole = pass->step == 1;
    EACH(s, TILE_SPOTS) whole &= spots[s].count == LANES;
    if (whole) {
        EACH(f, filters)
            EACH(s, TILE_SPOTS) STORE(out + f * pass->plane + spots[s].out, sum[f][s]);
    } else {
        REAL lanes[TILE_FILTERS][TILE_SPOTS][LANES];
        EACH(f, filters) EACH(s, TILE_SPOTS) STORE(lanes[f][s], sum[f][s]);
        NAME(scatter)(filters, lanes, pass, out, spots);
    }
}

/* Compute all outputs of one image, a block of filters after the other. */
KERNEL void NAME(convolve)(const void *scratch, const Pass *pass, void *out)
{
    const ptrdiff_t block_size = pass->block * pass->n_taps;
    const REAL *weights = pass->weights, *bias = pass->bias;
    for (ptrdiff_t f = 0; f < pass->filters; f += pass->block, weights += block_size) {
        const ptrdiff_t left = pass->filters - f;
        const int filters = (int)(left < pass->block ? left : pass->block);
        REAL *planes = (REAL *)out + f * pass->plane;
        for (ptrdiff_t s = 0; s < pass->n_spots; s += TILE_SPOTS) {
            const Spot *spots = pass->spots + s;
#define TILE(n) \
    case n: NAME(tile)(n, scratch, pass, weights, bias + f, planes, spots); break;
            switch (filters) { TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) }
#undef TILE
        }
    }
}
