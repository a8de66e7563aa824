//! What a run comes from and runs on, as far as the system tells: the code's repository, the machine.

mod code;
mod machine;

pub use code::code_state;
pub use machine::environment;
