//! What a run comes from and runs on, as far as the system tells: the code's repository, the machine, what is used of it.

mod code;
mod locks;
mod machine;
mod recent;
mod usage;

pub use code::code_state;
pub use locks::lock_files;
pub use machine::{environment, machine_identity};
pub use recent::recent_code_state;
pub use usage::Usage;
