# cython: boundscheck=False, wraparound=False, cdivision=True
"""The compiled kernels, for slices of a batch.

Each function treats the images (in pooling: the planes) first ... last - 1 with one
thread and without the GIL, so that several Python threads can share a batch; direct.py
does that. The arrays must be C-contiguous and of one type, float32 or float64; nothing
is checked here.
"""

cimport numpy as cnp
from libc.math cimport sqrt
from libc.stdlib cimport calloc, free

cnp.import_array()

cdef enum:
    CACHE_LINE = 64  # bytes, as on every processor the kernels are for


cdef extern from "variants.h" nogil:
    ctypedef struct Comb:
        pass

    ctypedef struct Layout:
        ptrdiff_t channels, height, width, step, rows, cols
        const Comb *row_combs
        const Comb *col_combs

    ctypedef struct Spot:
        pass

    ctypedef struct Pass:
        const ptrdiff_t *taps
        ptrdiff_t n_taps
        const Spot *spots
        ptrdiff_t n_spots, step, plane, filters, block
        const void *weights
        const void *bias

    ctypedef struct Sums:
        const ptrdiff_t *taps
        ptrdiff_t n_taps, filters, rows, width, cols

    ctypedef struct Windows:
        const ptrdiff_t *taps
        ptrdiff_t rows, width, down, right, plane
        int overlap

    ctypedef struct AdamStep:
        double learning_rate, beta1, beta2, epsilon, unbias1, unbias2

    ctypedef struct Images:
        ptrdiff_t channels, height, width

    ctypedef struct Tiling:
        Images images, outputs
        ptrdiff_t pad, down, across, strips

    ctypedef struct Channel:
        ptrdiff_t images, plane, next

    ctypedef struct ChannelNorm:
        double mean, inv_std, gamma, beta
        int relu

    ctypedef struct Kernels:
        int lanes, tile_spots
        void (*pad_and_split)(const void *, void *, const Layout *) noexcept nogil
        void (*convolve)(const void *, const Pass *, void *) noexcept nogil
        void (*weight_gradient)(
            const void *, const Sums *, const void *, void *, void *) noexcept nogil
        void (*max_pool)(
            const void *, const Pass *, void *, void *, int) noexcept nogil
        void (*max_pool_backward)(
            const void *, const void *, int, const Windows *, void *) noexcept nogil
        void (*adam)(
            void *, const void *, void *, void *, ptrdiff_t, ptrdiff_t,
            const AdamStep *) noexcept nogil
        ptrdiff_t (*winograd_memory)(const Tiling *, int) noexcept nogil
        void (*winograd_filters)(
            const Tiling *, const void *, void *, void *, ptrdiff_t,
            ptrdiff_t) noexcept nogil
        void (*winograd_convolve)(
            const Tiling *, const void *, const void *, const void *, void *, void *,
            ptrdiff_t, ptrdiff_t) noexcept nogil
        void (*winograd_gradient)(
            const Tiling *, const void *, const void *, void *, void *, ptrdiff_t,
            ptrdiff_t) noexcept nogil
        void (*channel_moments)(
            const void *, const Channel *, double *, double *) noexcept nogil
        void (*normalise)(
            const void *, const Channel *, const ChannelNorm *, void *) noexcept nogil
        void (*normalise_backward)(
            const void *, const void *, const Channel *, const ChannelNorm *, void *,
            double *, double *) noexcept nogil

    int TILE_FILTERS, GRAD_TAPS, GRAD_STRIP
    int best_level()
    const Kernels *kernels_for(int level, int itemsize)


cdef extern from *:
    """
    #ifndef ECE662_SOURCES  /* setup.py's mark of these files; see sources.py */
    #define ECE662_SOURCES ""
    #endif
    """
    const char *ECE662_SOURCES

SOURCES = ECE662_SOURCES.decode()


def levels():
    """Return how many instruction sets can be chosen from on this processor."""
    return best_level() + 1


def tile_sizes(int level, int itemsize):
    """Return (lanes of a vector, spots, filters and taps of a tile)."""
    cdef const Kernels *kernels = kernels_for(level, itemsize)
    return kernels.lanes, kernels.tile_spots, TILE_FILTERS, GRAD_TAPS


def convolve(
    int level,
    cnp.ndarray images,  # IN  (N, ...)
    plan,                # IN  Plan, its passes over the scratch of an image
    weights,             # IN  for each pass (blocks, n_taps, block), see direct.py
    cnp.ndarray bias,    # IN  (filters,)
    cnp.ndarray out,     # OUT (N, filters, ...)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Run a plan over some images of a batch."""
    cdef int itemsize = images.itemsize
    cdef const Kernels *kernels = kernels_for(level, itemsize)
    cdef Py_ssize_t n_passes = len(plan.passes), n, p
    cdef Py_ssize_t image_bytes = images.strides[0], out_bytes = out.strides[0]
    cdef const char *image = <const char *> cnp.PyArray_DATA(images)
    cdef char *to = <char *> cnp.PyArray_DATA(out)
    cdef Layout layout = read_layout(plan.scratch)
    cdef Memory scratch = Memory((plan.scratch.size + kernels.lanes) * itemsize)
    cdef Memory tables = Memory(n_passes * sizeof(Pass))
    cdef Pass *passes = <Pass *> tables.data
    for p in range(n_passes):
        read_pass(&passes[p], plan.passes[p], weights[p], bias, out)
    with nogil:
        for n in range(first, last):
            kernels.pad_and_split(image + n * image_bytes, scratch.data, &layout)
            for p in range(n_passes):
                kernels.convolve(scratch.data, &passes[p], to + n * out_bytes)


def weight_gradient(
    int level,
    cnp.ndarray images,  # IN     (N, C, H, W)
    plan,                # IN     Sums
    cnp.ndarray dout,    # IN     (N, F, H_out, W_out)
    cnp.ndarray dw,      # IN/OUT (shares, len(plan.taps), F rounded up to vectors)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Add some shares of a batch to the gradients of weights and, below them, biases.

    The i-th of all shares takes the images from i / shares of the batch on.
    """
    cdef int itemsize = images.itemsize
    cdef const Kernels *kernels = kernels_for(level, itemsize)
    cdef Py_ssize_t image_bytes = images.strides[0], dout_bytes = dout.strides[0]
    cdef Py_ssize_t N = images.shape[0], shares = dw.shape[0], share, n
    cdef Py_ssize_t share_bytes = dw.strides[0], image_size = plan.scratch.size
    cdef const char *image = <const char *> cnp.PyArray_DATA(images)
    cdef const char *gradient = <const char *> cnp.PyArray_DATA(dout)
    cdef char *to = <char *> cnp.PyArray_DATA(dw)
    cdef Layout layout = read_layout(plan.scratch)
    cdef Sums sums
    sums.taps = <const ptrdiff_t *> cnp.PyArray_DATA(plan.taps)
    sums.n_taps = len(plan.taps)
    sums.filters, sums.rows, sums.width = dout.shape[1], dout.shape[2], dout.shape[3]
    sums.cols = layout.cols
    cdef Py_ssize_t ones = layout.rows * layout.cols
    cdef Py_ssize_t strip = min(sums.rows * sums.width, max(sums.width, GRAD_STRIP))
    cdef Memory scratch = Memory((image_size + ones + kernels.lanes) * itemsize)
    cdef Memory turned = Memory(dw.shape[2] * strip * itemsize)
    fill_ones(scratch.data + image_size * itemsize, ones, itemsize)
    with nogil:
        for share in range(first, last):
            for n in range(N * share // shares, N * (share + 1) // shares):
                kernels.pad_and_split(image + n * image_bytes, scratch.data, &layout)
                kernels.weight_gradient(
                    scratch.data, &sums, gradient + n * dout_bytes, turned.data,
                    to + share * share_bytes)


def max_pool(
    int level,
    cnp.ndarray planes,  # IN  (P, 1, H, W)
    plan,                # IN  Plan with one pass
    cnp.ndarray out,     # OUT (P, H_out, W_out)
    cnp.ndarray which,   # OUT (P, H_out, W_out) uint8 or int32: the largest one's tap
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Pool some planes."""
    cdef int itemsize = planes.itemsize, which_size = which.itemsize
    cdef const Kernels *kernels = kernels_for(level, itemsize)
    cdef Py_ssize_t n, plane_bytes = planes.strides[0], out_bytes = out.strides[0]
    cdef Py_ssize_t which_bytes = which.strides[0]
    cdef const char *plane = <const char *> cnp.PyArray_DATA(planes)
    cdef char *to = <char *> cnp.PyArray_DATA(out)
    cdef char *to_which = <char *> cnp.PyArray_DATA(which)
    cdef Layout layout = read_layout(plan.scratch)
    cdef Pass windows
    read_tables(&windows, plan.passes[0])
    windows.plane = out.shape[1] * out.shape[2]
    cdef Memory scratch = Memory((plan.scratch.size + kernels.lanes) * itemsize)
    with nogil:
        for n in range(first, last):
            kernels.pad_and_split(plane + n * plane_bytes, scratch.data, &layout)
            kernels.max_pool(scratch.data, &windows, to + n * out_bytes,
                             to_which + n * which_bytes, which_size)


def max_pool_backward(
    int level,
    cnp.ndarray dout,    # IN  (P, H_out, W_out)
    cnp.ndarray which,   # IN  (P, H_out, W_out) from max_pool
    cnp.ndarray taps,    # IN  (pool_height * pool_width,) offsets in a plane of dx
    Py_ssize_t stride,   # IN  from one window to the next
    bint overlap,        # IN  whether a pixel may lie in several windows
    cnp.ndarray dx,      # OUT (P, H, W)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Send the gradients of some planes back to the largest pixel of each window."""
    cdef int which_size = which.itemsize
    cdef const Kernels *kernels = kernels_for(level, dout.itemsize)
    cdef Py_ssize_t n, dx_bytes = dx.strides[0], dout_bytes = dout.strides[0]
    cdef Py_ssize_t which_bytes = which.strides[0]
    cdef const char *gradient = <const char *> cnp.PyArray_DATA(dout)
    cdef const char *largest = <const char *> cnp.PyArray_DATA(which)
    cdef char *to = <char *> cnp.PyArray_DATA(dx)
    cdef Windows windows
    windows.taps = <const ptrdiff_t *> cnp.PyArray_DATA(taps)
    windows.rows, windows.width = dout.shape[1], dout.shape[2]
    windows.down, windows.right = stride * dx.shape[2], stride
    windows.plane = dx.shape[1] * dx.shape[2]
    windows.overlap = overlap
    with nogil:
        for n in range(first, last):
            kernels.max_pool_backward(
                gradient + n * dout_bytes, largest + n * which_bytes, which_size,
                &windows, to + n * dx_bytes)


def adam(
    int level,
    cnp.ndarray w,   # IN/OUT any shape
    cnp.ndarray dw,  # IN     the shape of w, as m and v
    cnp.ndarray m,   # IN/OUT
    cnp.ndarray v,   # IN/OUT
    dict settings,   # IN     those of AdamStep
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Update some of a parameter's weights, counted through its rows."""
    cdef const Kernels *kernels = kernels_for(level, w.itemsize)
    cdef AdamStep step = settings
    cdef void *weights = cnp.PyArray_DATA(w)
    cdef const void *gradients = cnp.PyArray_DATA(dw)
    cdef void *means = cnp.PyArray_DATA(m)
    cdef void *squares = cnp.PyArray_DATA(v)
    with nogil:
        kernels.adam(weights, gradients, means, squares, first, last, &step)


def winograd_filters(
    int level,
    cnp.ndarray w,     # IN  (F, channels of this call, 3, 3)
    dict tiling,       # IN  as Tiling, see plan.py
    cnp.ndarray U,     # OUT (places, C, F rounded up to vectors)
    Py_ssize_t first,  # which of the C channels is the first of w
):
    """Transform some channels of the filters, for winograd_convolve."""
    cdef int itemsize = w.itemsize
    cdef const Kernels *kernels = kernels_for(level, itemsize)
    cdef Tiling at = tiling
    cdef Py_ssize_t width = kernels.tile_spots * kernels.lanes
    cdef Py_ssize_t count = w.shape[1]
    cdef Memory turned = Memory(count * 9 * width * itemsize)
    cdef const void *filters = cnp.PyArray_DATA(w)
    cdef void *to = cnp.PyArray_DATA(U)
    with nogil:
        kernels.winograd_filters(&at, filters, turned.data, to, first, count)


def winograd_convolve(
    int level,
    cnp.ndarray images,  # IN  (N, C, H, W)
    dict tiling,         # IN  as Tiling, see plan.py
    cnp.ndarray U,       # IN  from winograd_filters
    cnp.ndarray bias,    # IN  (F rounded up to vectors,)
    cnp.ndarray out,     # OUT (N, F, H_out, W_out)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Convolve some rows of tiles, counted through the batch."""
    cdef const Kernels *kernels = kernels_for(level, images.itemsize)
    cdef Tiling at = tiling
    cdef Memory memory = Memory(kernels.winograd_memory(&at, 0) * images.itemsize)
    cdef const void *pixels = cnp.PyArray_DATA(images)
    cdef const void *filters = cnp.PyArray_DATA(U)
    cdef const void *shifts = cnp.PyArray_DATA(bias)
    cdef void *to = cnp.PyArray_DATA(out)
    with nogil:
        kernels.winograd_convolve(
            &at, pixels, filters, shifts, to, memory.data, first, last)


def winograd_gradient(
    int level,
    cnp.ndarray images,  # IN     (N, C, H, W)
    dict tiling,         # IN     as Tiling, see plan.py
    cnp.ndarray dout,    # IN     (N, F, H_out, W_out)
    cnp.ndarray dw,      # IN/OUT (shares, C * 9 + 1, F rounded up) last row zeros
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Compute some shares of the gradients of weights and, below them, biases.

    The i-th of all shares takes the rows of tiles from i / shares of the batch on.
    """
    cdef const Kernels *kernels = kernels_for(level, images.itemsize)
    cdef Tiling at = tiling
    cdef Py_ssize_t shares = dw.shape[0], share_bytes = dw.strides[0], share
    cdef Py_ssize_t strips = images.shape[0] * at.down
    cdef Memory memory = Memory(kernels.winograd_memory(&at, 1) * images.itemsize)
    cdef const void *pixels = cnp.PyArray_DATA(images)
    cdef const void *gradient = cnp.PyArray_DATA(dout)
    cdef char *to = <char *> cnp.PyArray_DATA(dw)
    with nogil:
        for share in range(first, last):
            kernels.winograd_gradient(
                &at, pixels, gradient, to + share * share_bytes, memory.data,
                strips * share // shares, strips * (share + 1) // shares)


def batch_norm(
    int level,
    cnp.ndarray x,            # IN     (N, C, H, W)
    const double[:] gamma,    # IN     (C,)
    const double[:] beta,     # IN     (C,)
    double[:] mean,           # IN/OUT (C,)
    double[:] variance,       # IN/OUT (C,)
    bint measure,             # IN     whether mean and variance are to be x's
    double eps,               # IN
    bint relu,                # IN     whether ReLU follows
    cnp.ndarray out,          # OUT    (N, C, H, W)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Normalise some channels."""
    cdef const Kernels *kernels = kernels_for(level, x.itemsize)
    cdef Channel at = channel_of(x)
    cdef ChannelNorm norm
    cdef Py_ssize_t c, plane_bytes = x.strides[1]
    cdef const char *pixels = <const char *> cnp.PyArray_DATA(x)
    cdef char *to = <char *> cnp.PyArray_DATA(out)
    norm.relu = relu
    with nogil:
        for c in range(first, last):
            if measure:
                kernels.channel_moments(
                    pixels + c * plane_bytes, &at, &mean[c], &variance[c])
            norm.mean, norm.inv_std = mean[c], 1 / sqrt(variance[c] + eps)
            norm.gamma, norm.beta = gamma[c], beta[c]
            kernels.normalise(
                pixels + c * plane_bytes, &at, &norm, to + c * plane_bytes)


def batch_norm_backward(
    int level,
    cnp.ndarray dout,         # IN  (N, C, H, W)
    cnp.ndarray x,            # IN  (N, C, H, W)
    const double[:] gamma,    # IN  (C,)
    const double[:] beta,     # IN  (C,)
    const double[:] mean,     # IN  (C,)
    const double[:] variance, # IN  (C,)
    double eps,               # IN
    bint relu,                # IN  whether ReLU followed
    cnp.ndarray dx,           # OUT (N, C, H, W)
    double[:] dgamma,         # OUT (C,)
    double[:] dbeta,          # OUT (C,)
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Take the gradients of some channels back."""
    cdef const Kernels *kernels = kernels_for(level, x.itemsize)
    cdef Channel at = channel_of(x)
    cdef ChannelNorm norm
    cdef Py_ssize_t c, offset, plane_bytes = x.strides[1]
    cdef const char *pixels = <const char *> cnp.PyArray_DATA(x)
    cdef const char *gradient = <const char *> cnp.PyArray_DATA(dout)
    cdef char *to = <char *> cnp.PyArray_DATA(dx)
    norm.relu = relu
    with nogil:
        for c in range(first, last):
            norm.mean, norm.inv_std = mean[c], 1 / sqrt(variance[c] + eps)
            norm.gamma, norm.beta = gamma[c], beta[c]
            offset = c * plane_bytes
            kernels.normalise_backward(
                gradient + offset, pixels + offset, &at, &norm, to + offset,
                &dgamma[c], &dbeta[c])


cdef Channel channel_of(cnp.ndarray x):
    cdef Channel at
    at.images, at.plane = x.shape[0], x.shape[2] * x.shape[3]
    at.next = x.shape[1] * at.plane
    return at


cdef class Memory:
    """Zeros for as long as the object lives, from the beginning of a cache line on."""

    cdef void *allocated
    cdef char *data

    def __cinit__(self, size_t size):
        self.allocated = calloc(size + CACHE_LINE, 1)
        if self.allocated == NULL:
            raise MemoryError(f"no memory for a scratch of {size} bytes")
        self.data = <char *> self.allocated
        self.data += CACHE_LINE - <size_t> self.data % CACHE_LINE

    def __dealloc__(self):
        free(self.allocated)


cdef Layout read_layout(scratch):
    cdef Layout layout
    cdef cnp.ndarray row_combs = scratch.row_combs, col_combs = scratch.col_combs
    layout.channels, layout.height, layout.width = scratch.image
    layout.step, layout.rows, layout.cols = scratch.step, scratch.rows, scratch.cols
    layout.row_combs = <const Comb *> cnp.PyArray_DATA(row_combs)
    layout.col_combs = <const Comb *> cnp.PyArray_DATA(col_combs)
    return layout


cdef read_tables(Pass *to, plan_pass):
    cdef cnp.ndarray taps = plan_pass.taps, spots = plan_pass.spots
    to.taps = <const ptrdiff_t *> cnp.PyArray_DATA(taps)
    to.n_taps = taps.shape[0]
    to.spots = <const Spot *> cnp.PyArray_DATA(spots)
    to.n_spots = spots.shape[0]
    to.step = plan_pass.step


cdef read_pass(Pass *to, plan_pass, cnp.ndarray weights, cnp.ndarray bias,
               cnp.ndarray out):
    read_tables(to, plan_pass)
    to.plane = out.shape[2] * out.shape[3]
    to.filters = out.shape[1]
    to.block = weights.shape[2]
    to.weights = cnp.PyArray_DATA(weights)
    to.bias = cnp.PyArray_DATA(bias)


cdef void fill_ones(void *to, Py_ssize_t count, int itemsize) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        if itemsize == sizeof(double):
            (<double *> to)[i] = 1
        else:
            (<float *> to)[i] = 1
