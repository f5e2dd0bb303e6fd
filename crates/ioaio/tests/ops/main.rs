//! Every operation on every route; a file for each family, as in `src/ops`.

#[path = "../common/mod.rs"]
mod common;

mod nop;
