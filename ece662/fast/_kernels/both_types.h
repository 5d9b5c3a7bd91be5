/* One instruction set's kernels for float and for double; included by variants.h, which
   has set BYTES (in a vector), TARGET, TILE_SPOTS and SET (its name). */

#define LANES ((int)(BYTES / sizeof(REAL)))
#define GRAD_COLUMNS TILE_SPOTS
#define VARIANT JOIN(TYPE, SET)

#define REAL float
#define TYPE f32
#define LANE_INT int32_t
#define SQRT sqrtf
#include "kernels.h"
#undef REAL
#undef TYPE
#undef LANE_INT
#undef SQRT

#define REAL double
#define TYPE f64
#define LANE_INT int64_t
#define SQRT sqrt
#include "kernels.h"
#undef REAL
#undef TYPE
#undef LANE_INT
#undef SQRT

#undef LANES
#undef GRAD_COLUMNS
#undef VARIANT
#undef BYTES
#undef TARGET
#undef TILE_SPOTS
#undef SET
