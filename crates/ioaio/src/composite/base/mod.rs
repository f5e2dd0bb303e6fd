//! What the composites share.

pub(crate) mod attributes;
pub(crate) mod calls;
pub(crate) mod contents;
pub(crate) mod discard;
pub(crate) mod existing;
pub(crate) mod in_flight;
pub(crate) mod parent_and_name;
pub(crate) mod progress;
pub(crate) mod special;
pub(crate) mod task;
pub(crate) mod temp;
pub(crate) mod tree_dir;
