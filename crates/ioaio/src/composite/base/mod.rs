//! What the composites share.

pub(crate) mod attributes;
pub(crate) mod calls;
pub(crate) mod contents;
pub(crate) mod discard;
pub(crate) mod errors;
pub(crate) mod existing;
pub(crate) mod in_flight;
pub(crate) mod leftovers;
pub(crate) mod moved;
pub(crate) mod not_kept;
pub(crate) mod parent_and_name;
pub(crate) mod progress;
pub(crate) mod seen;
pub(crate) mod special;
pub(crate) mod task;
pub(crate) mod temp;
pub(crate) mod todo;
pub(crate) mod tree_dir;
pub(crate) mod xattrs;
