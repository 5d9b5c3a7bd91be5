/* Copy one image into the scratch: zeros around it, and split by stride phase.

   With stride 2, neighbouring outputs look at every second pixel. A vector holds
   neighbours in memory, so the pixels are sorted first: even columns with even ones, odd
   with odd, and rows likewise. One channel, without padding:

       a b c d              a c | b d
       e f g h    becomes   i k | j l      four phases of 2 x 2: even rows first,
       i j k l              ----+----      in each even columns first
       m n o p              e g | f h
                            m o | n p

   Now the pixels that two neighbouring outputs meet at the same place of their windows
   are neighbours, whatever the stride. With stride 1 there is one phase, and all that
   remains to do is the padding: the scratch starts as zeros, and an image covers the same
   part of it as the image before, so the border stays zero. */

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

/* Copy the columns of one row that belong to one phase. */
INLINE void NAME(copy_phase)(const REAL *row, REAL *to, ptrdiff_t phase,
                             const Layout *at)
{
    ptrdiff_t first = (phase + at->step - at->left % at->step) % at->step;
    ptrdiff_t col = (first + at->left) / at->step;
    ptrdiff_t count = (at->width - first + at->step - 1) / at->step;
    if (count > at->cols - col)
        count = at->cols - col; /* beyond lie pixels that no window reaches */
    switch (at->step) {         /* a known step lets the compiler use shuffles */
    case 1: NAME(copy_every)(1, row + first, to + col, count); break;
    case 2: NAME(copy_every)(2, row + first, to + col, count); break;
    default: NAME(copy_every)(at->step, row + first, to + col, count);
    }
}

KERNEL void NAME(pad_and_split)(const void *image, void *scratch, const Layout *at)
{
    const ptrdiff_t step = at->step, phase_size = at->rows * at->cols;
    const REAL *row = image;
    for (ptrdiff_t c = 0; c < at->channels; c++) {
        REAL *channel = (REAL *)scratch + c * step * step * phase_size;
        for (ptrdiff_t h = at->top; h < at->top + at->height; h++, row += at->width) {
            if (h / step >= at->rows)
                continue;
            REAL *to = channel + h % step * step * phase_size + h / step * at->cols;
            for (ptrdiff_t phase = 0; phase < step; phase++)
                NAME(copy_phase)(row, to + phase * phase_size, phase, at);
        }
    }
}
