//! Values and lists of extended attributes, whose length nobody knows before.

/// Most values and lists fit into this much.
const SMALL: usize = 1024;
/// The kernel gives out no longer value or list: `XATTR_SIZE_MAX`, `XATTR_LIST_MAX`.
pub(crate) const LARGE: usize = 64 * 1024;

/// What a call puts into a buffer; into a greater one, if its error says that the first was too small (ERANGE).
pub(crate) fn fetch<E>(
    mut call: impl FnMut(&mut [u8]) -> Result<usize, E>,
    is_too_small: impl Fn(&E) -> bool,
) -> Result<Vec<u8>, E> {
    let mut small = [0; SMALL];
    match call(&mut small) {
        Err(e) if is_too_small(&e) => {}
        n => return Ok(small[..n?].to_vec()),
    }
    let mut large = vec![0; LARGE];
    let n = call(&mut large)?;
    large.truncate(n);
    large.shrink_to_fit();
    Ok(large)
}
