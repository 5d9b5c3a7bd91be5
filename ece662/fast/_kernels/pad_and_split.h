/* Copy one image into the scratch: zeros around it, and split by stride phase.

   With stride 2, neighbouring outputs look at every second pixel. A vector holds
   neighbours in memory, so the pixels are sorted first: even columns with even ones,
   odd with odd, and rows likewise. One channel, without padding:

       a b c d              a c | b d
       e f g h    becomes   i k | j l      four phases of 2 x 2: even rows first,
       i j k l              ----+----      in each even columns first
       m n o p              e g | f h
                            m o | n p

   Now the pixels that two neighbouring outputs meet at the same place of their windows
   are neighbours, whatever the stride. With stride 1 there is one phase, and all that
   remains to do is the padding: the scratch starts as zeros, and an image covers the
   same part of it as the image before, so the border stays zero. */

INLINE void NAME(copy_every)(const ptrdiff_t step, const REAL *from, REAL *to,
                             ptrdiff_t count)
{
    ptrdiff_t i = 0;
    if (step == 1)
        for (; i + LANES <= count; i += LANES)
            STORE(to + i, LOAD(from + i));
    for (; i < count; i++)
        to[i] = from[i * step];
}

INLINE void NAME(split)(const ptrdiff_t step, const REAL *image, REAL *scratch,
                        const Layout *at)
{
    const ptrdiff_t phase_size = at->rows * at->cols;
    for (ptrdiff_t c = 0; c < at->channels; c++, image += at->height * at->width)
        for (ptrdiff_t a = 0; a < step; a++) {
            const Comb rows = at->row_combs[a];
            const REAL *row = image + rows.first * at->width;
            REAL *to = scratch + rows.place * at->cols;
            for (ptrdiff_t i = 0; i < rows.count; i++) {
                for (ptrdiff_t b = 0; b < step; b++) {
                    const Comb cols = at->col_combs[b];
                    NAME(copy_every)(step, row + cols.first,
                                     to + b * phase_size + cols.place, cols.count);
                }
                row += step * at->width;
                to += at->cols;
            }
            scratch += step * phase_size;
        }
}

KERNEL void NAME(pad_and_split)(const void *image, void *scratch, const Layout *at)
{
    switch (at->step) { /* a known step lets the compiler sort with shuffles */
    case 1: NAME(split)(1, image, scratch, at); break;
    case 2: NAME(split)(2, image, scratch, at); break;
    default: NAME(split)(at->step, image, scratch, at);
    }
}
