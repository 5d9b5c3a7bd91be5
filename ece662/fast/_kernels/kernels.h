/* All kernels of one variant, and the table that they are called by. */

typedef REAL VEC __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL FOUR __attribute__((
    vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
typedef LANE_INT LANE_INTS __attribute__((vector_size(BYTES)));

#include "pad_and_split.h"
#include "convolve.h"
#include "turn.h"
#include "weight_gradient.h"
#include "max_pool.h"
#include "adam.h"
#include "product.h"
#include "transform.h"
#include "winograd.h"
#include "batch_norm.h"

static const Kernels NAME(kernels) = {
    LANES,
    TILE_SPOTS,
    NAME(pad_and_split),
    NAME(convolve),
    NAME(weight_gradient),
    NAME(max_pool),
    NAME(max_pool_backward),
    NAME(adam),
    NAME(winograd_memory),
    NAME(winograd_filters),
    NAME(winograd_convolve),
    NAME(winograd_gradient),
    NAME(channel_moments),
    NAME(normalise),
    NAME(normalise_backward),
};
