//! Extended attributes that are not copied, and what a mode is without its ACL.

use std::ffi::CStr;

pub(crate) const ACCESS_ACL: &CStr = c"system.posix_acl_access";
pub(crate) const DEFAULT_ACL: &CStr = c"system.posix_acl_default";

/// Beginnings of names that are a file system's own notes, or its view of something else. They are never
/// copied, and that is not told.
const NOT_COPIED: [&str; 22] = [
    // XFS as it stores ACLs and the like. A copy elsewhere would not change with the ACL, and would bring one
    // that was revoked back to XFS.
    "trusted.SGI_",
    // A signature of the very inode.
    "security.evm",
    // Which inodes the parts of an overlay come from. What a layer means is kept: opaque, redirect, metacopy,
    // whiteout.
    "trusted.overlay.origin",
    "trusted.overlay.impure",
    "trusted.overlay.nlink",
    "trusted.overlay.upper",
    "trusted.overlay.uuid",
    "user.overlay.origin",
    "user.overlay.impure",
    "user.overlay.nlink",
    "user.overlay.upper",
    "user.overlay.uuid",
    // Where servers keep the parts of a file, and what they know of it.
    "afs.",
    "ceph.",
    "lustre.",
    "trusted.lov",
    "trusted.lma",
    "trusted.lmv",
    "trusted.link",
    "trusted.gfid",
    "trusted.glusterfs.",
    "trusted.afr.",
];

/// Whether it is none of those that a copy may have.
pub(crate) fn is_of_another_kind(name: &CStr) -> bool {
    NOT_COPIED.iter().any(|start| name.to_bytes().starts_with(start.as_bytes()))
}

const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;

/// A mode that gives nobody more than mode and ACL have given together.
///
/// With an ACL the group's bits in the mode are the mask, the most that anybody named may do; without it they
/// would be the group's. And who was named to have less is one of the group or of the others then.
pub(crate) fn without_acl(mode: u32, acl: &[u8]) -> u32 {
    // A version of 4 bytes, then entries of a tag, permissions, and who it is.
    let entries: Vec<(u16, u32)> = acl
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(8)
        .map(|e| (u16::from_le_bytes([e[0], e[1]]), u32::from(u16::from_le_bytes([e[2], e[3]])) & 7))
        .collect();
    let of = |tag| entries.iter().filter(move |(t, _)| *t == tag).map(|(_, bits)| *bits);
    let all = |tag| of(tag).fold(7, |all, bits| all & bits);
    let mask = all(MASK);
    // An ACL that could not be read may have anything in it.
    let (named_users, named_groups) = match entries.is_empty() {
        true => (0, 0),
        false => (all(USER), all(GROUP)),
    };
    let group = of(GROUP_OBJ).next().unwrap_or(0) & mask & named_users;
    let limits = [(USER, named_users), (GROUP, named_groups)];
    let limit = limits.into_iter().filter(|(tag, _)| entries.is_empty() || of(*tag).next().is_some());
    let other = limit.fold(mode & 7, |other, (_, bits)| other & bits & mask);
    mode & !0o077 | group << 3 | other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[(u16, u16)]) -> Vec<u8> {
        let entry =
            |(tag, bits): &(u16, u16)| [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &[0; 4]].concat();
        [vec![2, 0, 0, 0], entries.iter().flat_map(entry).collect()].concat()
    }

    #[test]
    fn a_mode_without_its_acl_gives_nobody_more() {
        const OWNER: u16 = 1;
        const OTHER: u16 = 0x20;
        // The mask is not the group's.
        let named = acl(&[(OWNER, 6), (USER, 6), (GROUP_OBJ, 0), (MASK, 6), (OTHER, 0)]);
        assert_eq!(without_acl(0o660, &named), 0o600);
        let named = acl(&[(OWNER, 7), (USER, 7), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5)]);
        assert_eq!(without_acl(0o775, &named), 0o755);
        // The group's own is cut by the mask.
        let named = acl(&[(OWNER, 7), (USER, 7), (GROUP_OBJ, 7), (MASK, 4), (OTHER, 0)]);
        assert_eq!(without_acl(0o4740, &named), 0o4740);
        // Who was kept out stays out, as one of the group or of the others.
        let named = acl(&[(OWNER, 7), (USER, 0), (GROUP_OBJ, 5), (MASK, 5), (OTHER, 5)]);
        assert_eq!(without_acl(0o755, &named), 0o700);
        let named = acl(&[(OWNER, 7), (GROUP_OBJ, 5), (GROUP, 0), (MASK, 5), (OTHER, 5)]);
        assert_eq!(without_acl(0o755, &named), 0o750);
        // Nothing is known.
        assert_eq!(without_acl(0o777, &[]), 0o700);
    }

    #[test]
    fn what_a_file_system_notes_for_itself_is_not_copied() {
        let not = ["trusted.SGI_ACL_FILE", "trusted.SGI_CAP_FILE", "security.evm", "trusted.overlay.origin"];
        let copied =
            ["user.overlay.opaque", "trusted.overlay.redirect", "security.capability", "user.x", "trusted.x"];
        let is_not = |name: &str| is_of_another_kind(&std::ffi::CString::new(name).unwrap());
        assert!(not.into_iter().all(is_not) && !copied.into_iter().any(is_not));
    }
}
