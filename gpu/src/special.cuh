
// ---- special functions -------------------------------------------------------------------------------------------
// In double precision, with the formulas of `ml/core/src/ops/special.rs` (DLMF by section); floats by way of it.

#define GF_OF_FLOAT(name) \
  __device__ float name##f(float x) { return (float)name((double)x); }
#define GF_OF_FLOATS(name) \
  __device__ float name##f(float a, float b) { return (float)name((double)a, (double)b); }

__device__ double nan_of() { return infinity<double>() - infinity<double>(); }

// e^(x^2) erfc(x). DLMF 7.2.3, 7.12.1.
__device__ double scaled_erfc(double x) {
  if (x < -26.7) return infinity<double>();
  if (x < 8) {
    const double high = bits_as<double>(bits_as<u64>(x) & ~0x7ffffffull); // the square in two parts
    return exp(high * high) * exp((x - high) * (x + high)) * erfc(x);
  }
  const double square = 1 / (2 * x * x);
  double term = 1, sum = 1;
  for (int k = 0; k < 20; k++) {
    term *= -(2 * k + 1) * square;
    sum += term;
  }
  return 0.5641895835477562869 * sum / x;
}
GF_OF_FLOAT(scaled_erfc)

// sum of the asymptotic series of both Bessel functions, whose signs differ. DLMF 10.40.
__device__ double bessel_series(int n, double x, double sign) {
  const double mu = 4.0 * n * n;
  double term = 1, sum = 1;
  for (int k = 1; k < 60; k++) {
    const double odd = 2 * k - 1, next = sign * term * (mu - odd * odd) / (k * 8.0 * x);
    if (fabs(next) >= fabs(term) || fabs(next) < 1e-18) break;
    term = next;
    sum += term;
  }
  return sum;
}

// e^-|x| I_n(x). DLMF 10.25.2, 10.40.1.
__device__ double bessel_ie(int n, double x) {
  const double size = fabs(x), pi = 3.14159265358979323846;
  if (is_nan(x)) return x;
  double value = 0;
  if (size <= 25) {
    double term = n == 0 ? 1 : size / 2;
    for (int k = 1; k < 200; k++) {
      value += term;
      term *= size * size / 4 / ((double)k * (k + n));
      if (term < value * 1e-17) break;
    }
    value *= exp(-size);
  } else if (is_finite(size)) {
    value = bessel_series(n, size, -1) / sqrt(2 * pi * size);
  }
  return n == 1 && x < 0 ? -value : value;
}

// e^x K_n(x), by the trapezoidal rule over DLMF 10.32.9.
__device__ double bessel_ke(int n, double x) {
  const double pi = 3.14159265358979323846;
  if (is_nan(x) || x < 0) return nan_of();
  if (x == 0) return infinity<double>();
  if (x < 1e-8) return (1 + x) * (n == 0 ? -log(x / 2) - 0.5772156649015329 : 1 / x);
  if (x > 50) return bessel_series(n, x, 1) * sqrt(pi / (2 * x));
  const double step = fmin(sqrt(0.5 / x), 0.2);
  double sum = 0.5;
  for (int k = 1; k < 400; k++) {
    const double t = step * k, half = sinh(t / 2), exponent = 2 * x * half * half;
    if (exponent > 750) break;
    sum += exp(-exponent) * cosh(n * t);
  }
  return sum * step;
}

__device__ double i0e(double x) { return bessel_ie(0, x); }
__device__ double i1e(double x) { return bessel_ie(1, x); }
__device__ double k0e(double x) { return bessel_ke(0, x); }
__device__ double k1e(double x) { return bessel_ke(1, x); }
GF_OF_FLOAT(i0e)
GF_OF_FLOAT(i1e)
GF_OF_FLOAT(k0e)
GF_OF_FLOAT(k1e)

// Hurwitz's zeta function, by Euler and Maclaurin. DLMF 25.11.5.
__device__ double zeta(double s, double q) {
  const double weights[10] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000.0,
                              1.0 / 74724249600.0, -3617.0 / 10670622842880000.0, 43867.0 / 5109094217170944000.0,
                              -174611.0 / 802857662698291200000.0};
  if (s == 1) return infinity<double>();
  if (is_nan(s) || is_nan(q) || s < 1) return nan_of();
  if (q <= 0 && q == floor(q)) return infinity<double>();
  if (q <= 0 && s != floor(s)) return nan_of();
  double sum = 0, at = q;
  for (int done = 0; done < 12 || at <= 9; done++, at += 1) sum += pow(at, -s);
  sum += pow(at, 1 - s) / (s - 1) + pow(at, -s) / 2;
  double factor = s * pow(at, -s - 1);
  for (int k = 0; k < 10; k++) {
    sum += weights[k] * factor;
    const double next = s + 2.0 * k;
    factor *= (next + 1) * (next + 2) / (at * at);
  }
  return sum;
}
GF_OF_FLOATS(zeta)

// P(a, x), or Q(a, x) if `upper`: by its series, or by its continued fraction. DLMF 8.11.4, 8.9.2.
__device__ double incomplete_gamma(double a, double x, bool upper) {
  const double pi = 3.14159265358979323846, tiny = 1e-300;
  if (is_nan(a) || is_nan(x) || a < 0 || x < 0 || (a == 0 && x == 0) || (!is_finite(a) && !is_finite(x))) return nan_of();
  if (a == 0 || !is_finite(x)) return upper ? 0 : 1;
  if (x == 0 || !is_finite(a)) return upper ? 1 : 0;
  const double d = (x - a) / a;
  const double scale = a > 200 ? exp(a * (log1p(d) - d) - 0.5 * log(2 * pi * a) - 1 / (12 * a) + 1 / (360 * a * a * a))
                               : exp(a * log(x) - x - lgamma(a + 1));
  if (x < a + 1) {
    double term = 1, sum = 1, at = a;
    for (int k = 0; k < 10000; k++) {
      at += 1;
      term *= x / at;
      sum += term;
      if (term < sum * 1e-17) break;
    }
    return upper ? 1 - scale * sum : scale * sum;
  }
  double b = x + 1 - a, c = 1 / tiny, e = 1 / b, value = e;
  for (int k = 1; k < 10000; k++) {
    const double factor = -k * (k - a);
    b += 2;
    const double below = factor * e + b;
    e = 1 / (fabs(below) < tiny ? tiny : below);
    c = b + factor / c;
    if (fabs(c) < tiny) c = tiny;
    value *= c * e;
    if (fabs(c * e - 1) < 1e-16) break;
  }
  return upper ? scale * a * value : 1 - scale * a * value;
}
__device__ double igamma(double a, double x) { return incomplete_gamma(a, x, false); }
__device__ double igammac(double a, double x) { return incomplete_gamma(a, x, true); }
GF_OF_FLOATS(igamma)
GF_OF_FLOATS(igammac)

__device__ u64 common_divisor(u64 a, u64 b) {
  while (b != 0) {
    const u64 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
__device__ i64 common_divisor(i64 a, i64 b) {
  return (i64)common_divisor(a < 0 ? 0 - (u64)a : (u64)a, b < 0 ? 0 - (u64)b : (u64)b);
}
