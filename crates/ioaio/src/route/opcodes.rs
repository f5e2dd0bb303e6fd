//! What this kernel's ring can do.

use std::io;

use io_uring::{Probe, Submitter, squeue};

/// The opcodes that the kernel has. A request that needs another one takes another route.
pub(crate) struct Opcodes([bool; 256]);

impl Opcodes {
    /// Asks once. Linux 5.6; before that there is no ring worth having.
    pub(crate) fn of(ring: &Submitter<'_>) -> io::Result<Self> {
        let mut probe = Probe::new();
        ring.register_probe(&mut probe)?;
        Ok(Opcodes(std::array::from_fn(|code| probe.is_supported(code as u8))))
    }
    #[cfg(all(test, not(loom)))]
    pub(crate) fn forget(&mut self, code: u8) {
        self.0[usize::from(code)] = false;
    }
    pub(crate) fn has(&self, code: u8) -> bool {
        self.0[usize::from(code)]
    }
    pub(crate) fn can(&self, entry: &squeue::Entry) -> bool {
        u8::try_from(entry.get_opcode()).is_ok_and(|code| self.has(code))
    }
}
