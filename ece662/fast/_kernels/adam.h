/* A step of Adam, for some weights of a parameter, in a single pass.

   Written in NumPy, the rule makes about ten arrays of the size of the parameter on its
   way, and each travels to memory and back: for millions of weights that takes longer
   than the arithmetic. Here every number is read once, used, and written once. The
   order of the operations is that of the formula in optim.py, so the result is the same
   to within rounding. There are no vectors in the source: the loop has no branch and
   its arrays do not overlap, so the compiler makes them by itself. */

KERNEL void NAME(adam)(void *weights, const void *gradients, void *means, void *squares,
                       ptrdiff_t first, ptrdiff_t last, const AdamStep *step)
{
    REAL *restrict w = weights;
    const REAL *restrict dw = gradients;
    REAL *restrict m = means;
    REAL *restrict v = squares;
    const REAL rate = (REAL)step->learning_rate, epsilon = (REAL)step->epsilon;
    const REAL beta1 = (REAL)step->beta1, rest1 = (REAL)(1 - step->beta1);
    const REAL beta2 = (REAL)step->beta2, rest2 = (REAL)(1 - step->beta2);
    const REAL unbias1 = (REAL)step->unbias1, unbias2 = (REAL)step->unbias2;
    for (ptrdiff_t i = first; i < last; i++) {
        const REAL mean = beta1 * m[i] + rest1 * dw[i];
        const REAL square = beta2 * v[i] + rest2 * (dw[i] * dw[i]);
        m[i] = mean;
        v[i] = square;
        w[i] -= rate * (mean * unbias1) / (SQRT(square * unbias2) + epsilon);
    }
}
