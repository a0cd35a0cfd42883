//! CRC-32C (Castagnoli), the checksum that processors compute.

/// Of these bytes.
#[inline]
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// Of bytes that follow others of which it is known.
#[inline]
pub(super) fn crc32c_append(so_far: u32, bytes: &[u8]) -> u32 {
    ::crc32c::crc32c_append(so_far, bytes)
}
