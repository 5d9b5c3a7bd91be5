/* Vectors: several numbers in one register, added and multiplied by one instruction.

   GCC and clang know vector types: `typedef float V __attribute__((vector_size(32)))`
   is eight floats, and `a * b + c` on such values multiplies and adds all eight. The
   same source serves every processor, as the compiler picks the instructions: four
   floats at a time for SSE2 and for NEON, eight for AVX2, sixteen for AVX-512.

   variants.h compiles the kernels once for each type of number and each instruction
   set. In a kernel's source these words stand for what differs:

     REAL          float or double
     LANES         how many of them are in a vector
     VEC           the type of such a vector
     FOUR          a vector of four, whatever LANES is
     LANE_INTS     a vector of as many integers: what comparing two vectors gives
     TILE_SPOTS    how many vectors of outputs a tile has, see convolve.h
     NAME(tile)    the name of a function in this variant, such as tile_f32_avx2
     KERNEL        begins a function that may use the variant's instructions
     INLINE        the same for one that is written out where it is called */

#ifndef ECE662_VECTOR_H
#define ECE662_VECTOR_H

#define JOIN_NOW(a, b) a##_##b
#define JOIN(a, b) JOIN_NOW(a, b)
#define NAME(function) JOIN(function, VARIANT)

#define KERNEL TARGET static
#define INLINE TARGET static inline __attribute__((always_inline))

/* A vector may begin at any number of an array: see its alignment in kernels.h. */
#define VEC NAME(vec)
#define FOUR NAME(four)
#define LANE_INTS NAME(ints)
#define LOAD(from) (*(const VEC *)(from))
#define STORE(to, vector) (*(VEC *)(to) = (vector))
#define ROUND_UP(count) (((count) + LANES - 1) / LANES * LANES) /* to whole vectors */

/* A short loop with a fixed count, written out by the compiler, so that an array such
   as sum[6][4] lives in registers. */
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define EACH(i, n) UNROLL for (int i = 0; i < (n); i++)

#endif
