/* What the kernels are told: where the numbers lie, and which belong together.

   Nothing here depends on the type of the numbers or on the instruction set. The tables
   are made in plan.py, where the idea behind them is explained with a picture. */

#ifndef ECE662_LAYOUT_H
#define ECE662_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Every step-th row or column of an image, from `first` on: what makes up a phase. */
typedef struct {
    ptrdiff_t first;
    ptrdiff_t place; /* where the first one goes, in its phase */
    ptrdiff_t count;
} Comb;

/* The scratch: one padded image, cut into step x step phases of rows x cols numbers. */
typedef struct {
    ptrdiff_t channels, height, width; /* the image */
    ptrdiff_t step;                    /* the stride of the windows */
    ptrdiff_t rows, cols;              /* of one phase of one channel */
    const Comb *row_combs, *col_combs; /* for each of the `step` phases of an axis */
} Layout;

/* A spot: one vector of neighbouring outputs. */
typedef struct {
    ptrdiff_t in;    /* where the window of the first output begins, in the scratch */
    ptrdiff_t out;   /* where the first output goes, in its plane */
    ptrdiff_t count; /* how many of the vector's lanes are wanted */
} Spot;

/* A pass: all outputs of one image that share the same taps. */
typedef struct {
    const ptrdiff_t *taps; /* where a window's pixels lie, seen from its beginning */
    ptrdiff_t n_taps;
    const Spot *spots;
    ptrdiff_t n_spots; /* a multiple of the spots in a tile */
    ptrdiff_t step;    /* from one output of a spot to the next */
    ptrdiff_t plane;   /* from one filter's outputs to the next filter's */
    ptrdiff_t filters;
    ptrdiff_t block;     /* filters that share a tile */
    const void *weights; /* [filters / block, rounded up][n_taps][block] */
    const void *bias;    /* [filters] */
} Pass;

/* What the gradient of the weights sums over: the outputs of one image. */
typedef struct {
    const ptrdiff_t *taps; /* as in a pass, and one whose pixels are all 1 */
    ptrdiff_t n_taps;      /* a multiple of the taps in a tile */
    ptrdiff_t filters, rows, width; /* dout is [filters][rows][width] */
    ptrdiff_t cols;                 /* from one row of windows to the next */
} Sums;

/* Where the windows of a pooling layer stand on a plane of the image itself. */
typedef struct {
    const ptrdiff_t *taps;
    ptrdiff_t rows, width; /* how many windows below each other, and side by side */
    ptrdiff_t down, right; /* from one window to the one below, and to the next */
    ptrdiff_t plane;       /* pixels */
    int overlap;           /* whether a pixel may lie in several windows */
} Windows;

/* A batch of images, or one of them: a plane for each channel. */
typedef struct {
    ptrdiff_t channels, height, width;
} Images;

/* How winograd.h cuts a batch into tiles of outputs. */
typedef struct {
    Images images, outputs; /* the outputs' channels are the filters */
    ptrdiff_t pad;
    ptrdiff_t down, across; /* tiles below each other, and side by side */
    ptrdiff_t strips;       /* rows of tiles in a block */
} Tiling;

/* From one place of a transformed tile to the next: of all channels, of a block's. */
typedef struct {
    ptrdiff_t V, block;
} Room;

/* The shape of a matrix product, see product.h. */
typedef struct {
    ptrdiff_t rows, depth;
    ptrdiff_t row, step; /* from one row of `a` to the next, from one column */
    int add;             /* whether the product is added to what `to` holds */
} Product;

/* Where a channel's pixels lie: in a plane of each image. */
typedef struct {
    ptrdiff_t images, plane; /* how many, and pixels in each */
    ptrdiff_t next;          /* from an image's plane to that of the next one */
} Channel;

/* What a channel is normalised with, see batch_norm.h. */
typedef struct {
    double mean, inv_std, gamma, beta;
    int relu; /* whether ReLU follows */
} ChannelNorm;

#endif
