/* Turn images, a plane for each channel, into [row][column][channel], and back.

   Where channels stand side by side, a vector holds those of one pixel. That is what
   the gradient of the weights and Winograd's transforms work on. */

/* Turn `positions` outputs of `count` filters into [position][filter]; filters beyond
   them, up to `width`, become zero.

   Moving numbers one by one would take a tenth of the whole gradient's time. So four
   filters go at a time, one store for all four. And dout is read in short pieces from
   many places, which the processor does not foresee: each piece is asked for one strip
   ahead. */
KERNEL void NAME(turn)(const REAL *dout, ptrdiff_t plane, ptrdiff_t count,
                       ptrdiff_t positions, ptrdiff_t width, REAL *turned)
{
    enum { STRIP = 16 }; /* so few that the cache lines they are written to stay near */
    for (ptrdiff_t begin = 0; begin < positions; begin += STRIP) {
        const ptrdiff_t end = begin + STRIP < positions ? begin + STRIP : positions;
        ptrdiff_t f = 0;
        for (; f + 4 <= count; f += 4) {
            const REAL *a = dout + f * plane, *b = a + plane;
            const REAL *c = b + plane, *d = c + plane;
            __builtin_prefetch(a + end);
            __builtin_prefetch(b + end);
            __builtin_prefetch(c + end);
            __builtin_prefetch(d + end);
            for (ptrdiff_t p = begin; p < end; p++)
                *(FOUR *)(turned + p * width + f) = (FOUR){a[p], b[p], c[p], d[p]};
        }
        for (; f < width; f++)
            for (ptrdiff_t p = begin; p < end; p++)
                turned[p * width + f] = f < count ? dout[f * plane + p] : 0;
    }
}

/* Turn `rows` rows of an image, from (top, left) on, into [row][column][channel]. Zeros
   stand beyond the image, and for the channels that fill up the last vector. */
KERNEL void NAME(turn_rows)(const REAL *image, const Images *of, ptrdiff_t top,
                            ptrdiff_t left, ptrdiff_t rows, ptrdiff_t columns, REAL *to)
{
    const ptrdiff_t width = ROUND_UP(of->channels), right = of->width - left;
    const ptrdiff_t begin = left < 0 ? -left : 0;
    const ptrdiff_t end = columns < right ? columns : right;
    for (ptrdiff_t h = top; h < top + rows; h++, to += columns * width) {
        if (h < 0 || h >= of->height || begin >= end) {
            memset(to, 0, columns * width * sizeof(REAL));
            continue;
        }
        memset(to, 0, begin * width * sizeof(REAL));
        NAME(turn)(image + h * of->width + left + begin, of->height * of->width,
                   of->channels, end - begin, width, to + begin * width);
        memset(to + end * width, 0, (columns - end) * width * sizeof(REAL));
    }
}

/* Turn back a strip of outputs, from [row][column][filter] to [filter][row][column];
   what lies beyond the outputs' border is left out. */
KERNEL void NAME(turn_back)(const REAL *strip, ptrdiff_t columns, ptrdiff_t width,
                            ptrdiff_t count, ptrdiff_t rows, const Images *of,
                            REAL *to)
{
    const ptrdiff_t plane = of->height * of->width;
    for (ptrdiff_t i = 0; i < rows; i++, strip += columns * width, to += of->width)
        for (ptrdiff_t f = 0; f < count; f += 4) {
            const int filters = (int)(count - f < 4 ? count - f : 4);
            ptrdiff_t j = 0;
            for (; filters == 4 && j + 4 <= of->width; j += 4) {
                FOUR from[4];
                REAL *corner = to + f * plane + j;
                EACH(p, 4) from[p] = *(const FOUR *)(strip + (j + p) * width + f);
                EACH(g, 4)
                    *(FOUR *)(corner + g * plane) =
                        (FOUR){from[0][g], from[1][g], from[2][g], from[3][g]};
            }
            for (; j < of->width; j++)
                for (int g = 0; g < filters; g++)
                    to[(f + g) * plane + j] = strip[j * width + f + g];
        }
}
