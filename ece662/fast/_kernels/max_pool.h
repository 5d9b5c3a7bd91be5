/* Max pooling of one plane, and its gradient.

   The windows are walked as in convolve.h, on a scratch split by stride phase; but
   where a convolution adds, pooling keeps the larger of two vectors, lane by lane, and
   in a second vector the number of the tap that it came from. The backward pass then
   needs neither the images nor the search: it sends each gradient to the noted tap.

   `>` lets the first of equal maxima stay. It is false where one side is nan, so that a
   nan would be passed over: hence the second condition, by which the first nan of a
   window becomes its maximum. */

#define CHOOSE(mask, a, b) (((mask) & (a)) | (~(mask) & (b)))

/* Write the first `count` lanes, and which taps they came from. */
INLINE void NAME(note)(const ptrdiff_t count, VEC best, LANE_INTS from, REAL *out,
                       void *which, int which_size)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        out[i] = best[i];
        if (which_size == 1)
            ((uint8_t *)which)[i] = (uint8_t)from[i];
        else
            ((int32_t *)which)[i] = (int32_t)from[i];
    }
}

KERNEL void NAME(max_pool)(const void *scratch, const Pass *pass, void *out,
                           void *which, int which_size)
{
    for (ptrdiff_t s = 0; s < pass->n_spots; s++) {
        const Spot spot = pass->spots[s];
        const REAL *window = (const REAL *)scratch + spot.in;
        VEC best = LOAD(window + pass->taps[0]);
        LANE_INTS from = {0};
        for (ptrdiff_t k = 1; k < pass->n_taps; k++) {
            const VEC x = LOAD(window + pass->taps[k]);
            const LANE_INTS better = (x > best) | ((x != x) & (best == best));
            const LANE_INTS here = from * 0 + (LANE_INT)k;
            best = (VEC)CHOOSE(better, (LANE_INTS)x, (LANE_INTS)best);
            from = CHOOSE(better, here, from);
        }
        REAL *to = (REAL *)out + spot.out;
        char *to_which = (char *)which + spot.out * which_size;
        /* The unwanted lanes of a row's end fall on the beginning of the next row, which
           is written later. So a constant will do, and the compiler can use vectors. */
        if (spot.count && spot.out + LANES <= pass->plane)
            NAME(note)(LANES, best, from, to, to_which, which_size);
        else
            NAME(note)(spot.count, best, from, to, to_which, which_size);
    }
}

/* Send the gradients of a plane to the noted taps, on zeros. Where windows overlap, a
   pixel may be the maximum of several, and adds up. Where they do not, a store is all
   it takes; hence a loop for each, in which `overlap` and `which_size` are constants. */
INLINE void NAME(send_back)(const int overlap, const int which_size,
                            const REAL *gradient, const void *which,
                            const Windows *windows, REAL *dx)
{
    const uint8_t *narrow = which;
    const int32_t *wide = which;
    const ptrdiff_t *taps = windows->taps, width = windows->width;
    for (ptrdiff_t i = 0; i < windows->rows; i++) {
        REAL *window = dx + i * windows->down;
        UNROLL for (ptrdiff_t j = 0; j < width; j++, window += windows->right) {
            const ptrdiff_t tap = which_size == 1 ? *narrow++ : *wide++;
            if (overlap)
                window[taps[tap]] += *gradient++;
            else
                window[taps[tap]] = *gradient++;
        }
    }
}

KERNEL void NAME(max_pool_backward)(const void *dout, const void *which, int which_size,
                                    const Windows *windows, void *dx)
{
    memset(dx, 0, windows->plane * sizeof(REAL));
    if (which_size == 1 && !windows->overlap)
        NAME(send_back)(0, 1, dout, which, windows, dx);
    else if (which_size == 1)
        NAME(send_back)(1, 1, dout, which, windows, dx);
    else
        NAME(send_back)(1, 4, dout, which, windows, dx);
}
