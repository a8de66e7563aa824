// What every printed kernel may use: types, conversions, functions of numbers; and after it folds of a warp or a block (`folds.cuh`).
// C++17 without any header, so that NVRTC needs nothing beside it. Compiled for the host (tests), the words of CUDA come
// from a shim.

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef GF_AT
#define GF_AT i64
#endif
#ifndef GF_ALIGNED
#define GF_ALIGNED(address, bytes) // what tests look at
#endif
typedef GF_AT at_t; // positions: 32 bits where all arrays are short enough, else 64

struct f16 { u16 bits; };
struct bf16 { u16 bits; };

// ---- bits --------------------------------------------------------------------------------------------------------

template <class To, class From> __device__ To bits_as(From x) {
  static_assert(sizeof(To) == sizeof(From), "bits of another width");
  To y;
  memcpy(&y, &x, sizeof(To));
  return y;
}

template <class T> __device__ T infinity();
template <> __device__ float infinity<float>() { return bits_as<float>(0x7f800000u); }
template <> __device__ double infinity<double>() { return bits_as<double>(0x7ff0000000000000ull); }

template <class T> __device__ bool is_nan(T x) { return x != x; } // false for integers
__device__ bool is_finite(float x) { return fabsf(x) < infinity<float>(); }
__device__ bool is_finite(double x) { return fabs(x) < infinity<double>(); }

// ---- half precision ----------------------------------------------------------------------------------------------

__device__ float single_of(f16 x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  const u32 sign = (u32)(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
  if (rest >= 0x7c00) return bits_as<float>(sign | 0x7f800000u | rest << 13);
  if (rest < 0x0400) return bits_as<float>(sign | bits_as<u32>((float)rest * 0x1p-24f));
  return bits_as<float>(sign | ((rest << 13) + 0x38000000u));
#endif
}

__device__ float single_of(bf16 x) { return bits_as<float>((u32)x.bits << 16); }

__device__ f16 half_of(float x) {
#ifdef __CUDA_ARCH__
  u16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return {y};
#else
  const u32 bits = bits_as<u32>(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000u) return {(u16)(sign | 0x7fff)};
  if (size >= 0x477ff000u) return {(u16)(sign | 0x7c00)};
  if (size < 0x38800000u) // a multiple of 2^-24, which is the last place of 0.5
    return {(u16)(sign | (bits_as<u32>(bits_as<float>(size) + 0.5f) - bits_as<u32>(0.5f)))};
  return {(u16)(sign | (size + 0xfff + (size >> 13 & 1) - 0x38000000u) >> 13)};
#endif
}

__device__ bf16 brain_of(float x) {
#ifdef __CUDA_ARCH__
  u16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return {y};
#else
  const u32 bits = bits_as<u32>(x);
  if (is_nan(x)) return {(u16)(bits >> 16 | 0x40)};
  return {(u16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
#endif
}

// Rounded to odd: whatever is rounded next, to fewer digits, comes out as if it were rounded from the double itself.
__device__ float odd_of(double x) {
  const float nearest = (float)x;
  if (is_nan(x) || (double)nearest == x) return nearest;
  const u32 bits = bits_as<u32>(nearest);
  return bits_as<float>((fabs((double)nearest) > fabs(x) ? bits - 1 : bits) | 1);
}

// ---- conversions -------------------------------------------------------------------------------------------------

template <class T> struct Limits;
template <> struct Limits<i8> { static constexpr i8 low = -128, high = 127; };
template <> struct Limits<i16> { static constexpr i16 low = -32768, high = 32767; };
template <> struct Limits<i32> { static constexpr i32 low = -2147483647 - 1, high = 2147483647; };
template <> struct Limits<i64> { static constexpr i64 low = -9223372036854775807ll - 1, high = 9223372036854775807ll; };
template <> struct Limits<u8> { static constexpr u8 low = 0, high = 255; };
template <> struct Limits<u16> { static constexpr u16 low = 0, high = 65535; };
template <> struct Limits<u32> { static constexpr u32 low = 0, high = 4294967295u; };
template <> struct Limits<u64> { static constexpr u64 low = 0, high = 18446744073709551615ull; };

template <class To, class From> __device__ To saturated(From x) {
  if (is_nan(x)) return 0;
  if (x <= (From)Limits<To>::low) return Limits<To>::low;
  if (x >= (From)Limits<To>::high) return Limits<To>::high;
  return (To)x; // truncates
}

// x in another type: a float in an integer type truncates and saturates (NaN: 0), an integer wraps.
template <class To> struct Convert {
  template <class From> static __device__ To of(From x) { return (To)x; }
  static __device__ To of(float x) { return saturated<To>(x); }
  static __device__ To of(double x) { return saturated<To>(x); }
  static __device__ To of(f16 x) { return saturated<To>(single_of(x)); }
  static __device__ To of(bf16 x) { return saturated<To>(single_of(x)); }
};
template <> struct Convert<bool> {
  template <class From> static __device__ bool of(From x) { return x != 0; }
  static __device__ bool of(f16 x) { return single_of(x) != 0; }
  static __device__ bool of(bf16 x) { return single_of(x) != 0; }
};
template <> struct Convert<float> {
  template <class From> static __device__ float of(From x) { return (float)x; }
  static __device__ float of(f16 x) { return single_of(x); }
  static __device__ float of(bf16 x) { return single_of(x); }
};
template <> struct Convert<double> {
  template <class From> static __device__ double of(From x) { return (double)x; }
  static __device__ double of(f16 x) { return single_of(x); }
  static __device__ double of(bf16 x) { return single_of(x); }
};
template <> struct Convert<f16> {
  template <class From> static __device__ f16 of(From x) { return half_of(odd_of((double)x)); }
  static __device__ f16 of(float x) { return half_of(x); }
  static __device__ f16 of(f16 x) { return x; }
  static __device__ f16 of(bf16 x) { return half_of(single_of(x)); }
};
template <> struct Convert<bf16> {
  template <class From> static __device__ bf16 of(From x) { return brain_of(odd_of((double)x)); }
  static __device__ bf16 of(float x) { return brain_of(x); }
  static __device__ bf16 of(f16 x) { return brain_of(single_of(x)); }
  static __device__ bf16 of(bf16 x) { return x; }
};

template <class To, class From> __device__ To convert(From x) { return Convert<To>::of(x); }

// ---- functions of one number -------------------------------------------------------------------------------------

template <class T> __device__ T sign(T x) { return is_nan(x) || x == 0 ? x : (x < 0 ? (T)-1 : (T)1); }
__device__ u64 sign(u64 x) { return x != 0; }
__device__ i64 negated(i64 x) { return (i64)(0 - (u64)x); }
__device__ u64 negated(u64 x) { return 0 - x; }
__device__ i64 absolute(i64 x) { return x < 0 ? negated(x) : x; }
__device__ u64 absolute(u64 x) { return x; }
__device__ float absolute(float x) { return fabsf(x); }
__device__ double absolute(double x) { return fabs(x); }

// The logarithmic derivative of the gamma function: reflected below 0.5, raised to 10, then its asymptotic series in
// 1/x^2. Source: Bernardo 1976, algorithm AS 103; coefficients B_2k / 2k.
__device__ double digamma(double x) {
  const double pi = 3.14159265358979323846;
  if (is_nan(x) || x == -infinity<double>()) return infinity<double>() - infinity<double>();
  if (x <= 0 && floor(x) == x) return -infinity<double>();
  double value = 0;
  if (x < 0) {
    value = -pi / tan(pi * x);
    x = 1 - x;
  }
  for (; x < 10; x += 1) value -= 1 / x;
  const double z = 1 / (x * x);
  const double series =
      z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (5.0 / 660 - z * (691.0 / 32760 - z / 12))))));
  return value + log(x) - 0.5 / x - series;
}
__device__ float digammaf(float x) { return (float)digamma((double)x); }

// ---- functions of two numbers ------------------------------------------------------------------------------------

// The larger and smaller of two; a NaN if either is.
template <class T> __device__ T larger(T a, T b) { return a > b || is_nan(a) ? a : b; }
template <class T> __device__ T smaller(T a, T b) { return a < b || is_nan(a) ? a : b; }

// A divisor of many numbers, with its reciprocal: scaled, where that would be no normal number.
struct Divisor { float scale, number, reciprocal; };

__device__ Divisor divisor(float x) {
  const float size = fabsf(x), scale = size < 0x1p-100f ? 0x1p64f : size > 0x1p100f ? 0x1p-64f : 1.0f;
  return {scale, x * scale, 1 / (x * scale)};
}

// A quotient rounded like a division's, save for the last digit at times: once more with what is left over. Source:
// Markstein 1990.
__device__ float operator/(float x, const Divisor& by) {
  const float scaled = x * by.scale, quotient = scaled * by.reciprocal;
  const float rest = fmaf(-quotient, by.number, scaled);
  return is_finite(quotient) && quotient != 0 ? fmaf(rest, by.reciprocal, quotient) : quotient;
}

// Integers wrap; a quotient by 0 is 0.
__device__ i64 sum(i64 a, i64 b) { return (i64)((u64)a + (u64)b); }
__device__ u64 sum(u64 a, u64 b) { return a + b; }
__device__ i64 difference(i64 a, i64 b) { return (i64)((u64)a - (u64)b); }
__device__ u64 difference(u64 a, u64 b) { return a - b; }
__device__ i64 product(i64 a, i64 b) { return (i64)((u64)a * (u64)b); }
__device__ u64 product(u64 a, u64 b) { return a * b; }
__device__ i64 quotient(i64 a, i64 b) { return b == 0 ? 0 : b == -1 ? negated(a) : a / b; }
__device__ u64 quotient(u64 a, u64 b) { return b == 0 ? 0 : a / b; }
__device__ i64 remainder_of(i64 a, i64 b) { return b == 0 || b == -1 ? 0 : a % b; }
__device__ u64 remainder_of(u64 a, u64 b) { return b == 0 ? 0 : a % b; }

__device__ u64 power(u64 a, u64 b) {
  u64 result = 1;
  for (; b > 0; b >>= 1, a *= a) {
    if (b & 1) result *= a;
  }
  return result;
}
__device__ i64 power(i64 a, i64 b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
  return (i64)power((u64)a, (u64)b);
}

// Shifts by 64 bits or more leave only the sign.
__device__ i64 shifted_left(i64 a, i64 b) { return (u64)b < 64 ? (i64)((u64)a << b) : 0; }
__device__ u64 shifted_left(u64 a, u64 b) { return b < 64 ? a << b : 0; }
__device__ i64 shifted_right(i64 a, i64 b) { return a >> ((u64)b < 64 ? b : 63); }
__device__ u64 shifted_right(u64 a, u64 b) { return b < 64 ? a >> b : 0; }

// Threefry-2x32 with 20 rounds: the cipher of a counter under a key. Source: Salmon et al. 2011.
__device__ u64 threefry(u64 key, u64 counter) {
  const u32 rotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const u32 keys[3] = {(u32)(key >> 32), (u32)key, (u32)(key >> 32) ^ (u32)key ^ 0x1BD11BDAu};
  u32 x = (u32)(counter >> 32) + keys[0], y = (u32)counter + keys[1];
  for (int round = 0; round < 20; ++round) {
    const u32 rotation = rotations[round % 8];
    x += y;
    y = (y << rotation | y >> (32 - rotation)) ^ x;
    if (round % 4 == 3) {
      const u32 injection = round / 4 + 1;
      x += keys[injection % 3];
      y += keys[(injection + 1) % 3] + injection;
    }
  }
  return (u64)x << 32 | y;
}

// ---- packs -------------------------------------------------------------------------------------------------------

// Elements side by side that one access moves; their address is a multiple of their size.
template <class T, int N> struct alignas(sizeof(T) * N) Pack { T at[N]; };

template <int N, class T> __device__ Pack<T, N> packed(const T* from) {
  GF_ALIGNED(from, sizeof(T) * N);
  return *(const Pack<T, N>*)from;
}
template <class T, int N> __device__ void unpacked(T* into, const Pack<T, N>& pack) {
  GF_ALIGNED(into, sizeof(T) * N);
  *(Pack<T, N>*)into = pack;
}

// ---- positions ---------------------------------------------------------------------------------------------------

__device__ at_t first_thread() { return (at_t)blockIdx.x * (at_t)blockDim.x + (at_t)threadIdx.x; }
__device__ at_t all_threads() { return (at_t)gridDim.x * (at_t)blockDim.x; }
__device__ at_t pieces(at_t whole, at_t piece) { return (whole + piece - 1) / piece; }
