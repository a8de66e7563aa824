//! Kernels that are the same but for the names of their arrays: one of them is compiled, and launched for all. The layers of a
//! network are such kernels.

use std::collections::HashMap;

use crate::launch::CudaKernel;

/// The sources that have to be compiled, and who launches the entries of a kernel that was printed before.
#[derive(Default)]
pub struct Twins {
    /// For a source without names, the names of its first kernel's entries.
    known: HashMap<String, Vec<String>>,
}

impl Twins {
    /// Of a kernel whose like is known, the source goes, and its launches take the entries of the other.
    pub fn join(&mut self, kernel: &mut CudaKernel) {
        let entries: Vec<String> = kernel.launches.iter().map(|launch| launch.entry.clone()).collect();
        match self.known.get(&nameless(&kernel.source)) {
            Some(others) if others.len() == entries.len() => {
                kernel.launches.iter_mut().zip(others).for_each(|(launch, other)| launch.entry.clone_from(other));
                kernel.source.clear();
            }
            _ => {
                self.known.insert(nameless(&kernel.source), entries);
            }
        }
    }
}

/// The source with arrays and kernels numbered in the order in which they appear.
fn nameless(source: &str) -> String {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut text = String::with_capacity(source.len());
    for token in source.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = token.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_numbered(name) {
            let next = numbers.len();
            let number = numbers.entry(name).or_insert(next);
            text.push_str(&format!("{}#{number}{}", &name[..1], &token[name.len()..]));
        } else {
            text.push_str(token);
        }
    }
    text
}

/// `b12`, an array; `k7`, a kernel.
fn is_numbered(name: &str) -> bool {
    let mut letters = name.chars();
    matches!(letters.next(), Some('b' | 'k')) && name.len() > 1 && letters.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_arrays_and_kernels_make_no_difference() {
        let one = nameless("void k3_rows(const float* b7, float* b12) { out_b12.at[0] = b7[k * 2]; }");
        assert_eq!(one, nameless("void k9_rows(const float* b1, float* b2) { out_b2.at[0] = b1[k * 2]; }"));
        assert_ne!(one, nameless("void k9_rows(const float* b1, float* b2) { out_b2.at[0] = b2[k * 2]; }"));
        assert_ne!(one, nameless("void k9_rows(const float* b1, float* b2) { out_b2.at[0] = b1[k * 3]; }"));
    }
}
