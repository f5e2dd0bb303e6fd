//! Strings as the kernel takes them, of which the short ones need no memory of their own.
//!
//! A request is made on one thread and often ends on another, which then frees what the first one has allocated.
//! Allocators are slow at that. Most paths and names are short: they lie in the request itself.

use std::ffi::{CStr, CString};

/// How many bytes have room in place, with the NUL at their end: with the enum's tag a cache line.
const ROOM: usize = 63;

/// A C string.
#[derive(Clone)]
pub(crate) enum SmallCStr {
    /// Ends with the first NUL, of which there is at least one.
    InPlace([u8; ROOM]),
    Boxed(CString),
}

impl SmallCStr {
    /// `None` if there is a NUL in it.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        if text.len() >= ROOM {
            return CString::new(text).ok().map(SmallCStr::Boxed);
        }
        let mut room = [0; ROOM];
        room[..text.len()].copy_from_slice(text);
        (!text.contains(&0)).then_some(SmallCStr::InPlace(room))
    }
    pub(crate) fn as_c_str(&self) -> &CStr {
        match self {
            SmallCStr::InPlace(room) => CStr::from_bytes_until_nul(room).unwrap_or_default(),
            SmallCStr::Boxed(string) => string,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn strings_of_every_length_stay_what_they_are() {
        for len in (0..200).chain([4095, 70_000]) {
            let text: Vec<u8> = (0..len).map(|n| (n % 255) as u8 + 1).collect();
            let string = SmallCStr::new(&text).unwrap();
            assert_eq!(string.as_c_str().to_bytes(), text);
            assert_eq!(matches!(string, SmallCStr::InPlace(_)), len < ROOM, "{len} bytes");
            assert_eq!(string.clone().as_c_str(), string.as_c_str());
        }
    }

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for len in [1, 2, ROOM - 1, ROOM, 4095] {
            for at in [0, len / 2, len - 1] {
                let mut text = vec![b'x'; len];
                text[at] = 0;
                assert!(SmallCStr::new(&text).is_none(), "{at} of {len}");
            }
        }
    }

    #[test]
    fn nothing_is_wasted() {
        assert_eq!(size_of::<Option<SmallCStr>>(), 64);
    }
}
