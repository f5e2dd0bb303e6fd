//! Requests that are several entries in a row: the kernel starts each when the one before it has ended,
//! and nobody has to be woken in between.
//!
//! Each entry has a completion of its own. The request is kept here until all of them are there, also
//! those of entries that were never started: nothing is freed, and no slot used again, before. The
//! addresses in the entries' user data are only compared.

use std::collections::HashMap;

use io_uring::squeue;

use crate::request::cell::Req;
use crate::request::sqe::{Cqe, Links, was_interrupted};
use crate::route::ring::{Reaped, Ring, RingState, Start};
use crate::sys::sync::Ordering;
use crate::values::slot::{Kind, Table};

/// A request whose entries the kernel has.
pub(super) struct Chain {
    req: Req,
    results: [i32; Links::MAX],
    /// Completions that are still to come.
    left: usize,
    /// In the table of files, for what the chain opens.
    slot: Option<u32>,
}

/// By the address of their requests.
pub(super) type Chains = HashMap<u64, Chain>;

/// The bits of user data that say which entry of a chain it is, counted from one. No address has them.
const INDEX: u64 = 0b110;
const _: () = assert!(align_of::<crate::request::cell::Header>() > INDEX as usize);

fn user_data(addr: u64, index: usize) -> u64 {
    addr | (index as u64 + 1) << 1
}
/// Whether the user data is that of an entry in a chain.
pub(super) fn is_chained(user_data: u64) -> bool {
    user_data & INDEX != 0
}

impl Ring {
    /// Starts a chain; gives it back if it does not fit, or if there is no slot for what it opens.
    pub(super) fn start_chain(&self, st: &mut RingState, req: Req) -> Result<(), Start> {
        let slot = match req.chain_opens().then(|| self.fill(Kind::Files, |_empty| Ok(()))) {
            Some(Err(_)) => return Err(Start::Unfit(req)), // none free, or no such table before Linux 5.19
            Some(Ok(slot)) => Some(slot),
            None => None,
        };
        let addr = req.addr() as u64;
        let entries = req.encode_chain(slot.unwrap_or(0)).unwrap_or_default();
        let numbered = |(i, entry): (usize, squeue::Entry)| entry.user_data(user_data(addr, i));
        let entries: Vec<_> = entries.into_iter().enumerate().map(numbered).collect();
        if entries.is_empty() || !self.can_all(&entries) || !self.add(st, &entries) {
            if let Some(slot) = slot {
                self.release(Kind::Files, slot);
            }
            return Err(Start::Unfit(req));
        }
        st.in_flight += 1;
        let chain = Chain { req, results: [0; Links::MAX], left: entries.len(), slot };
        let before = st.chains.insert(addr, chain);
        assert!(before.is_none(), "a request is started once");
        Ok(())
    }
    /// Takes one completion; gives the chain if it was the last one.
    pub(super) fn entry_done(st: &mut RingState, user_data: u64, res: i32) -> Option<Chain> {
        let (addr, index) = (user_data & !INDEX, (user_data & INDEX) >> 1);
        let chain = st.chains.get_mut(&addr).expect("a chain stays until its last completion");
        chain.results[index as usize - 1] = res;
        chain.left -= 1;
        (chain.left == 0).then(|| st.chains.remove(&addr).expect("it was just there"))
    }
    /// The user data by which the kernel knows a request.
    pub(super) fn names_of(st: &RingState, req: &Req) -> Vec<u64> {
        let addr = req.addr() as u64;
        if !st.chains.contains_key(&addr) {
            return vec![addr];
        }
        (0..Links::MAX).map(|index| user_data(addr, index)).collect()
    }
    /// Finishes a chain of which the kernel has nothing any more.
    pub(super) fn chain_done(&self, chain: Chain, reaped: &mut Reaped) {
        let Chain { req, results, slot, .. } = chain;
        if let Some(slot) = slot {
            self.release(Kind::Files, slot); // also closes what a chain that broke has left open
        }
        // What comes after the entry that failed says ECANCELED without being cancelled.
        let cause = results.into_iter().find(|res| *res < 0).unwrap_or(0);
        let unasked = cause == -libc::ECANCELED && !req.cancel_flag().load(Ordering::SeqCst);
        // What was opened is closed again, so all of it is repeated; what was written stays written.
        let repeat = (unasked || was_interrupted(cause)) && (slot.is_some() || results[0] == cause);
        if repeat || !req.decode_chain(results.map(Cqe)) {
            reaped.left_over.push(req);
        } else {
            reaped.done.push(req);
        }
    }
}
