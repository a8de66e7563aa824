//! Where the values of a chain lie while a block is worked on.

use smallvec::SmallVec;

use super::input::Input;
use crate::schedule::{Chain, Instr, ValueId};

/// Where a value lies while a block is worked on.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Register,
    /// In the input itself: nothing is copied.
    Input,
    /// In the `n`-th output.
    Output(usize),
    /// In the register, from which it is streamed to the `n`-th output.
    Streamed(usize),
    /// In the `n`-th output, which holds this input until the output's value is computed.
    Held(usize),
    /// Nowhere: its users take one number for all or for each row.
    Lazy,
}

impl Place {
    /// True where an instruction computes it.
    pub fn is_computed(self) -> bool {
        !matches!(self, Place::Input | Place::Held(_) | Place::Lazy)
    }

    /// Of a value that is not stored.
    pub fn of(instr: &Instr, input: &Input, users: &[User], stores: &[ValueId], row: usize) -> Self {
        let lazy = !users.is_empty() && users.iter().all(|u| u.takes_fewer);
        match (instr, input) {
            (_, Input::Buffer(source)) if source.is_contiguous() => Place::Input,
            (_, Input::Buffer(source)) if lazy && source.is_one() => Place::Lazy,
            (_, Input::InPlace(n)) if users.iter().all(|u| u.at < stores[*n].index()) => Place::Held(*n),
            (Instr::Scalar(_), _) if lazy => Place::Lazy,
            (Instr::Spread(_), _) if lazy && is_looped(row) => Place::Lazy,
            _ => Place::Register,
        }
    }
}

/// True if a loop a row is cheaper than repeating the row's number. Rows that are no whole vectors have to be longer, as the rest
/// takes as long as a vector.
fn is_looped(row: usize) -> bool {
    row >= if row.is_multiple_of(16) { 64 } else { 256 }
}

/// For each value, who takes it.
pub struct Users(pub Vec<SmallVec<[User; 2]>>);

/// One of them.
pub struct User {
    /// The user's position in the chain.
    at: usize,
    /// True if one number for all, or for each row, will do.
    takes_fewer: bool,
}

impl Users {
    /// Of a whole chain.
    pub fn of(chain: &Chain) -> Self {
        let mut users: Vec<SmallVec<[User; 2]>> = Vec::new();
        users.resize_with(chain.values.len(), SmallVec::new);
        for (at, value) in chain.values.iter().enumerate() {
            for (place, operand) in value.instr.operands().enumerate() {
                let takes_fewer = match value.instr {
                    Instr::Map2(..) | Instr::Pair(_) => true,
                    Instr::Select(..) => place > 0,
                    _ => false,
                };
                users[operand.index()].push(User { at, takes_fewer });
            }
        }
        Users(users)
    }
}
