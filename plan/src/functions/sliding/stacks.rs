//! Totals of a queue without taking anything out of a total: two stacks.
//!
//! Values enter at the back. When one is to leave and the front is empty, the back is turned over into the front, where each
//! entry is the total from there on; then it leaves with its entry. A value is added at most twice, so a step costs a
//! constant on average whatever the frame's length. (Tangwongsan et al., General Incremental Sliding-Window Aggregation,
//! PVLDB 8(7), 2015.)

/// A total that another one, of later values, can be added to.
pub(super) trait Total: Copy {
    const EMPTY: Self;
    fn then(self, later: Self) -> Self;
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stacks<T> {
    front: Vec<T>,
    back: Vec<T>,
    back_total: T,
}

impl<T: Total> Stacks<T> {
    pub(super) fn new() -> Self {
        Stacks { front: vec![], back: vec![], back_total: T::EMPTY }
    }

    pub(super) fn push(&mut self, value: T) {
        self.back.push(value);
        self.back_total = self.back_total.then(value);
    }

    /// The value that came first leaves; nothing happens if there is none.
    pub(super) fn pop(&mut self) {
        if self.front.is_empty() {
            let mut total = T::EMPTY;
            while let Some(value) = self.back.pop() {
                total = value.then(total);
                self.front.push(total);
            }
            self.back_total = T::EMPTY;
        }
        self.front.pop();
    }

    pub(super) fn total(&self) -> T {
        self.front.last().copied().unwrap_or(T::EMPTY).then(self.back_total)
    }

    pub(super) fn size(&self) -> usize {
        (self.front.capacity() + self.back.capacity()) * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Span(Option<(u32, u32)>);

    impl Total for Span {
        const EMPTY: Self = Span(None);

        fn then(self, later: Self) -> Self {
            Span(match (self.0, later.0) {
                (Some((start, end)), Some((next, last))) => {
                    assert_eq!(end, next, "values are added in their order");
                    Some((start, last))
                }
                (one, None) | (None, one) => one,
            })
        }
    }

    #[test]
    fn the_total_is_that_of_the_values_between_the_first_and_the_last() {
        let (mut stacks, mut first, mut next) = (Stacks::new(), 0, 0);
        for step in [3, -1, 2, -4, 1, 5, -2, -3, 1, -2, -1] {
            for _ in 0..step {
                stacks.push(Span(Some((next, next + 1))));
                next += 1;
            }
            for _ in step..0 {
                stacks.pop();
                first = next.min(first + 1);
            }
            assert_eq!(stacks.total(), Span((first < next).then_some((first, next))));
        }
    }
}
