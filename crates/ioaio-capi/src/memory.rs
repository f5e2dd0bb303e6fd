//! Memory at the boundary: where there is none, C gets ENOMEM instead of an abort.

/// What the engine allocates for one request beside its arguments, with a margin. Small, so that the
/// allocator has it at hand: asking for a page takes 5% of a read.
const REQUEST: usize = 512;

/// Sets errno.
pub(crate) fn fail(errno: i32) {
    // SAFETY: the location of errno of this thread is always valid.
    unsafe { *libc::__errno_location() = errno }
}

/// Whether the allocator still has what a request takes; sets ENOMEM where it has not.
pub(crate) fn room_for(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let room = probe.try_reserve_exact(bytes.saturating_add(REQUEST)).is_ok();
    if !room {
        fail(libc::ENOMEM);
    }
    std::hint::black_box(&probe);
    room
}
