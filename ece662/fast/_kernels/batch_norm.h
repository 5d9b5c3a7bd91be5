/* Spatial batch normalisation of one channel, alone or with ReLU, and its gradient.

       out = gamma * (x - mean) / std + beta,  or  max(0, out)

   A channel lies in one plane of each image. All of them together mostly fit into the
   cache: so a channel is finished before the next one, and its pixels come from memory
   once for the sums and for what follows. Nothing is turned, and nothing is kept for
   the backward pass but x, the mean and the standard deviation: the normalised pixels
   are computed again, as is whether ReLU let them through.

   Sums are of vectors, and of float32 planes in float64 from plane to plane, so that
   rounding does not grow with the batch. */

/* Add the lanes of a vector, in four sums: in one, each lane waits for the last. */
INLINE double NAME(lanes_sum)(VEC vector)
{
    double sum[4] = {0};
    EACH(i, LANES) sum[i % 4] += vector[i];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

/* How many numbers of a plane go in whole vectors. */
#define WHOLE(plane) ((plane) / LANES * LANES)

/* The mean of a channel and its (biased) variance. The squares are those of distances
   to the plane's own mean, and those between the planes' means are added: so no
   difference of large numbers is formed. */
KERNEL void NAME(channel_moments)(const void *pixels, const Channel *at, double *mean,
                                  double *variance)
{
    const REAL *x = pixels;
    const ptrdiff_t plane = at->plane, whole = WHOLE(plane);
    double mean_so_far = 0, squares = 0;
    for (ptrdiff_t n = 0; n < at->images; n++, x += at->next) {
        VEC sums = {0}, distances = {0};
        double sum = 0, square = 0;
        for (ptrdiff_t i = 0; i < whole; i += LANES)
            sums += LOAD(x + i);
        for (ptrdiff_t i = whole; i < plane; i++)
            sum += x[i];
        const double of_plane = (sum + NAME(lanes_sum)(sums)) / plane;
        const REAL centre = (REAL)of_plane;
        for (ptrdiff_t i = 0; i < whole; i += LANES) {
            const VEC distance = LOAD(x + i) - centre;
            distances += distance * distance;
        }
        for (ptrdiff_t i = whole; i < plane; i++)
            square += (x[i] - centre) * (x[i] - centre);
        const double step = of_plane - mean_so_far;
        mean_so_far += step / (n + 1);
        squares += square + NAME(lanes_sum)(distances);
        squares += step * step * plane * n / (n + 1);
    }
    *mean = mean_so_far;
    *variance = squares / ((double)plane * at->images);
}

/* Pixels normalised, scaled and shifted; after ReLU, if that is wanted. A nan stays. */
INLINE VEC NAME(normalised)(const int relu, const VEC x, const ChannelNorm *norm)
{
    const REAL mean = (REAL)norm->mean, scale = (REAL)(norm->gamma * norm->inv_std);
    const VEC y = (x - mean) * scale + (REAL)norm->beta;
    return relu ? (VEC)((LANE_INTS)y & ~(y <= 0)) : y;
}

/* Read a vector, or the `left` numbers that are left, and zeros in the other lanes. */
INLINE VEC NAME(load_some)(const REAL *from, ptrdiff_t left)
{
    if (left >= LANES)
        return LOAD(from);
    VEC vector = {0};
    memcpy(&vector, from, left * sizeof(REAL));
    return vector;
}

/* Write the first `left` lanes of a vector, or all where there are not so many. */
INLINE void NAME(store_some)(REAL *to, const VEC vector, ptrdiff_t left)
{
    if (left >= LANES)
        STORE(to, vector);
    else
        memcpy(to, &vector, left * sizeof(REAL));
}

INLINE void NAME(normalise_planes)(const int relu, const REAL *x, const Channel *at,
                                   const ChannelNorm *norm, REAL *out)
{
    const ptrdiff_t plane = at->plane;
    for (ptrdiff_t n = 0; n < at->images; n++, x += at->next, out += at->next)
        for (ptrdiff_t i = 0; i < plane; i += LANES) {
            const VEC here = NAME(load_some)(x + i, plane - i);
            NAME(store_some)(out + i, NAME(normalised)(relu, here, norm), plane - i);
        }
}

KERNEL void NAME(normalise)(const void *x, const Channel *at, const ChannelNorm *norm,
                            void *out)
{
    if (norm->relu)
        NAME(normalise_planes)(1, x, at, norm, out);
    else
        NAME(normalise_planes)(0, x, at, norm, out);
}

/* The gradient of what ReLU was given: dout where it let the pixel through. */
INLINE VEC NAME(let_through)(const int relu, const VEC dout, const VEC x,
                             const ChannelNorm *norm)
{
    const VEC y = NAME(normalised)(0, x, norm);
    return relu ? (VEC)((LANE_INTS)dout & (y > 0)) : dout;
}

/* Add up a plane's gradients, and its products of gradients and distances. */
INLINE void NAME(gradient_sums)(const int relu, const REAL *dout, const REAL *x,
                                ptrdiff_t plane, const ChannelNorm *norm, double *sum,
                                double *product)
{
    const REAL mean = (REAL)norm->mean;
    VEC sums = {0}, products = {0};
    for (ptrdiff_t i = 0; i < plane; i += LANES) {
        const VEC here = NAME(load_some)(x + i, plane - i);
        const VEC given = NAME(load_some)(dout + i, plane - i);
        const VEC d = NAME(let_through)(relu, given, here, norm);
        sums += d;
        products += d * (here - mean);
    }
    *sum += NAME(lanes_sum)(sums);
    *product += NAME(lanes_sum)(products);
}

/* With d for what ReLU lets through and M for the number of pixels,

       dbeta = sum d,  dgamma = sum d * x_hat
       dx = gamma / std * (d - dbeta / M - x_hat * dgamma / M)

   so the channel is walked twice: for the sums, and with them for dx. */
INLINE void NAME(channel_gradient)(const int relu, const REAL *dout, const REAL *x,
                                   const Channel *at, const ChannelNorm *norm, REAL *dx,
                                   double *dgamma, double *dbeta)
{
    const ptrdiff_t plane = at->plane;
    double sum = 0, product = 0;
    for (ptrdiff_t n = 0; n < at->images; n++)
        NAME(gradient_sums)(relu, dout + n * at->next, x + n * at->next, plane, norm,
                            &sum, &product);
    *dbeta = sum;
    *dgamma = product * norm->inv_std;

    const double M = (double)plane * at->images, scale = norm->gamma * norm->inv_std;
    const REAL mean = (REAL)norm->mean, factor = (REAL)scale;
    const REAL shift = (REAL)(scale * sum / M);
    const REAL slope = (REAL)(scale * norm->inv_std * *dgamma / M);
    for (ptrdiff_t n = 0; n < at->images; n++, dx += at->next) {
        const REAL *pixels = x + n * at->next, *gradient = dout + n * at->next;
        for (ptrdiff_t i = 0; i < plane; i += LANES) {
            const ptrdiff_t left = plane - i;
            const VEC here = NAME(load_some)(pixels + i, left);
            const VEC given = NAME(load_some)(gradient + i, left);
            const VEC d = NAME(let_through)(relu, given, here, norm);
            NAME(store_some)(dx + i, factor * d - shift - (here - mean) * slope, left);
        }
    }
}

KERNEL void NAME(normalise_backward)(const void *dout, const void *x, const Channel *at,
                                     const ChannelNorm *norm, void *dx, double *dgamma,
                                     double *dbeta)
{
    if (norm->relu)
        NAME(channel_gradient)(1, dout, x, at, norm, dx, dgamma, dbeta);
    else
        NAME(channel_gradient)(0, dout, x, at, norm, dx, dgamma, dbeta);
}
