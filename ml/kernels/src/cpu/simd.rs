//! Loops compiled for several instruction sets, of which the best is chosen at run time.

/// Runs a loop compiled for the widest vectors that this processor has. The closure must be `#[inline(always)]`, and so
/// must be what it calls: only then are its instructions chosen here.
#[inline]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the features were just found.
            return unsafe { with_avx512(work) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just found.
            return unsafe { with_avx2(work) };
        }
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// `dst[i] = f(src[i])`.
#[inline]
pub fn unary<T: Copy, U>(src: &[T], dst: &mut [U], f: impl Fn(T) -> U) {
    vectorized(
        #[inline(always)]
        || dst.iter_mut().zip(src).for_each(|(d, &s)| *d = f(s)),
    );
}

/// `dst[i] = f(a[i], b[i])`.
#[inline]
pub fn binary<T: Copy, U>(a: &[T], b: &[T], dst: &mut [U], f: impl Fn(T, T) -> U) {
    vectorized(
        #[inline(always)]
        || dst.iter_mut().zip(a.iter().zip(b)).for_each(|(d, (&a, &b))| *d = f(a, b)),
    );
}
