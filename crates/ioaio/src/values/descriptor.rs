//! What files and directories are made of.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that is closed with its last user, or one that is somebody else's to close.
#[derive(Debug)]
pub(crate) enum Descriptor {
    Owned(OwnedFd),
    Lent(BorrowedFd<'static>),
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Descriptor::Owned(fd) => fd.as_fd(),
            Descriptor::Lent(fd) => *fd,
        }
    }
}
