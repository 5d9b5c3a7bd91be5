/* Compile the kernels once for each instruction set, and choose one when they run.

   kernels_for() gives the table of functions of the instruction set that is asked for;
   best_level() is the best that this processor has. So one compiled file serves every
   computer, and every variant can be tested on a computer that has them all. */

#ifndef ECE662_VARIANTS_H
#define ECE662_VARIANTS_H

#include <math.h>
#include <string.h>

#include "layout.h"
#include "vector.h"

enum {
    TILE_FILTERS = 6, /* filters in a tile of convolve.h */
    GRAD_TAPS = 6,    /* taps in a tile of weight_gradient.h */
    GRAD_STRIP = 256, /* outputs that weight_gradient.h turns at a time */
    OUT_TILE = 4, /* height and width of a tile of outputs in winograd.h, */
    IN_TILE = 6,  /* of the pixels they see with 3 x 3 filters, */
    PLACES = 36,  /* and how many those are */
};

/* The settings of optim.py's Adam; unbias1 is 1 / (1 - beta1^t), unbias2 likewise. */
typedef struct {
    double learning_rate, beta1, beta2, epsilon, unbias1, unbias2;
} AdamStep;

typedef struct {
    int lanes, tile_spots;
    void (*pad_and_split)(const void *image, void *scratch, const Layout *at);
    void (*convolve)(const void *scratch, const Pass *pass, void *out);
    void (*weight_gradient)(const void *scratch, const Sums *sums, const void *dout,
                            void *turned, void *dw);
    void (*max_pool)(const void *scratch, const Pass *pass, void *out, void *which,
                     int which_size);
    void (*max_pool_backward)(const void *dout, const void *which, int which_size,
                              const Windows *windows, void *dx);
    void (*adam)(void *weights, const void *gradients, void *means, void *squares,
                 ptrdiff_t first, ptrdiff_t last, const AdamStep *step);
    ptrdiff_t (*winograd_memory)(const Tiling *at, int sums);
    void (*winograd_filters)(const Tiling *at, const void *w, void *turned, void *U,
                             ptrdiff_t first, ptrdiff_t count);
    void (*winograd_convolve)(const Tiling *at, const void *images, const void *U,
                              const void *bias, void *out, void *memory,
                              ptrdiff_t first, ptrdiff_t last);
    void (*winograd_gradient)(const Tiling *at, const void *images, const void *dout,
                              void *dw, void *memory, ptrdiff_t first, ptrdiff_t last);
    void (*channel_moments)(const void *x, const Channel *at, double *mean,
                            double *variance);
    void (*normalise)(const void *x, const Channel *at, const ChannelNorm *norm,
                      void *out);
    void (*normalise_backward)(const void *dout, const void *x, const Channel *at,
                               const ChannelNorm *norm, void *dx, double *dgamma,
                               double *dbeta);
} Kernels;

/* What every processor has: SSE2 on a PC, NEON on ARM (with twice the registers). */
#define SET baseline
#define TARGET
#define BYTES 16
#ifdef __aarch64__
#define TILE_SPOTS 4
#else
#define TILE_SPOTS 2
#endif
#include "both_types.h"

#ifdef __x86_64__

#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define TILE_SPOTS 2
#include "both_types.h"

#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,fma")))
#define BYTES 64
#define TILE_SPOTS 4
#include "both_types.h"

static int best_level(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return 2;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}

static const Kernels *kernels_for(int level, int itemsize)
{
    static const Kernels *const all[3][2] = {
        {&kernels_f32_baseline, &kernels_f64_baseline},
        {&kernels_f32_avx2, &kernels_f64_avx2},
        {&kernels_f32_avx512, &kernels_f64_avx512},
    };
    return all[level][itemsize == sizeof(double)];
}

#else

static int best_level(void)
{
    return 0;
}

static const Kernels *kernels_for(int level, int itemsize)
{
    (void)level;
    return itemsize == sizeof(double) ? &kernels_f64_baseline : &kernels_f32_baseline;
}

#endif
#endif
