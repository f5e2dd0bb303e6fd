//! What requests own and give back.

pub(crate) mod buf;
pub(crate) mod descriptor;
pub(crate) mod dir;
pub(crate) mod error;
pub(crate) mod faults;
pub(crate) mod file;
pub(crate) mod listing;
pub(crate) mod mapping;
pub(crate) mod metadata;
pub(crate) mod offset;
pub(crate) mod path;
pub(crate) mod slot;
pub(crate) mod small_cstr;
