//! Offsets and lengths that the kernel can take, and ranges of what the caller has in memory.

use std::io;
use std::ops::{Bound, RangeBounds};

use rustix::io::Errno;

/// EINVAL for an offset or a length of 2^63 or more, which the kernel's signed type cannot hold.
///
/// Not all routes would say so: the ring takes an offset of 2^64 - 1 for the file's own position.
pub(crate) fn check_offsets(offsets: impl IntoIterator<Item = u64>) -> io::Result<()> {
    match offsets.into_iter().all(|offset| i64::try_from(offset).is_ok()) {
        true => Ok(()),
        false => Err(Errno::INVAL.into()),
    }
}

/// Where a range starts and ends in something of `len` parts; `None` if it is not inside.
pub(crate) fn bounds(range: impl RangeBounds<usize>, len: usize) -> Option<(usize, usize)> {
    let start = match range.start_bound() {
        Bound::Included(&n) => Some(n),
        Bound::Excluded(&n) => n.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match range.end_bound() {
        Bound::Included(&n) => n.checked_add(1),
        Bound::Excluded(&n) => Some(n),
        Bound::Unbounded => Some(len),
    };
    start.zip(end).filter(|(start, end)| start <= end && *end <= len)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_a_signed_number_cannot_hold_is_refused() {
        let most = i64::MAX as u64;
        assert!(check_offsets([0, most]).is_ok());
        assert!(check_offsets(None).is_ok());
        for bad in [most + 1, u64::MAX] {
            assert_eq!(check_offsets([0, bad]).unwrap_err().raw_os_error(), Some(libc::EINVAL));
            assert_eq!(check_offsets(Some(bad)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
    }

    #[test]
    fn ranges_of_every_kind_lie_inside_or_not() {
        assert_eq!(bounds(.., 5), Some((0, 5)));
        assert_eq!(bounds(2..=4, 5), Some((2, 5)));
        assert_eq!(bounds(5.., 5), Some((5, 5)));
        assert_eq!(bounds((Bound::Excluded(1), Bound::Unbounded), 5), Some((2, 5)));
        assert_eq!(bounds(2..6, 5), None);
        assert_eq!(bounds(6.., 5), None);
        assert_eq!(bounds(..=usize::MAX, 5), None);
        assert_eq!(bounds((Bound::Excluded(usize::MAX), Bound::Unbounded), 5), None);
        #[allow(clippy::reversed_empty_ranges, reason = "what such a range gives is the question")]
        let reversed = bounds(3..2, 5);
        assert_eq!(reversed, None);
    }
}
