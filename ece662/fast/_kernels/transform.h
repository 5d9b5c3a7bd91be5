/* Winograd's transforms: small matrices, from the left and from the right.

   A matrix is the same for all channels, so a vector of channels is transformed at
   once, as if it were a number. */

/* The rows belong to the points 0, 1, -1, 1/2 and -2, and to the highest power; B is
   B^T of winograd.py. With 2 for 1/2, as in Lavin and Gray's paper, rounding errors
   are twice as large. */
static const REAL NAME(A)[6][4] = {{1, 0, 0, 0},   {1, 1, 1, 1},
                                    {1, -1, 1, -1}, {1, .5f, .25f, .125f},
                                    {1, -2, 4, -8}, {0, 0, 0, 1}};
#define THIRD (1 / (REAL)3)
#define FIFTEENTH (1 / (REAL)15)
static const REAL NAME(G)[6][3] = {{1, 0, 0},
                                    {THIRD, THIRD, THIRD},
                                    {-THIRD, THIRD, -THIRD},
                                    {-16 * FIFTEENTH, -8 * FIFTEENTH, -4 * FIFTEENTH},
                                    {FIFTEENTH, -2 * FIFTEENTH, 4 * FIFTEENTH},
                                    {0, 0, 1}};
#undef THIRD
#undef FIFTEENTH
static const REAL NAME(B)[6][6] = {
    {1, -1.5f, -2, 1.5f, 1, 0}, {0, -1, .5f, 2.5f, 1, 0}, {0, 1, -2.5f, .5f, 1, 0},
    {0, -2, -1, 2, 1, 0},       {0, .5f, -1, -.5f, 1, 0}, {0, 1, -1.5f, -2, 1.5f, 1}};

/* to[i] = sum_j matrix[i][j] * from[j], or matrix[j][i] where it is to be turned. The
   compiler knows the matrix, and leaves out what is multiplied by 0. */
INLINE void NAME(combine)(const int rows, const int columns, const REAL *matrix,
                          const int turned, const VEC *from, const int from_step,
                          VEC *to, const int to_step)
{
    EACH(i, rows) {
        VEC sum = {0};
        int begun = 0;
        EACH(j, columns) {
            const REAL factor = matrix[turned ? j * rows + i : i * columns + j];
            if (factor != 0)
                sum = begun ? sum + factor * from[j * from_step]
                            : factor * from[j * from_step];
            begun |= factor != 0;
        }
        to[i * to_step] = sum;
    }
}

/* to = matrix from matrix^T, or matrix^T from matrix: [rows][rows] from
   [columns][columns], first down the columns, then along the rows. */
INLINE void NAME(transform)(const int rows, const int columns, const REAL *matrix,
                            const int turned, const VEC *from, VEC *to)
{
    VEC half[PLACES]; /* [rows][columns] */
    EACH(j, columns)
        NAME(combine)(rows, columns, matrix, turned, from + j, columns, half + j,
                      columns);
    EACH(i, rows)
        NAME(combine)(rows, columns, matrix, turned, half + i * columns, 1,
                      to + i * rows, 1);
}
