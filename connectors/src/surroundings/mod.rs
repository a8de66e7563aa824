//! What a run comes from and runs on, as far as the system tells: the code's repository, the machine, what is used of it.

mod code;
mod machine;
mod usage;

pub use code::code_state;
pub use machine::environment;
pub use usage::Usage;
