//! UIDs of objects: of the usual form, and a function of nothing but place and name.

use sha2::{Digest, Sha256};

use super::pod::Name;

/// The UID of the `number`-th pod of the input (from 0): a version 4 UUID from a hash of its name, its first
/// group the number, so that no two pods of a run share one. The traces recorded from the kubelet use the same.
pub fn pod_uid(number: usize, namespace: &str, name: &str) -> Name {
    let mut hash: [u8; 32] = Sha256::digest(format!("uid{namespace}{name}")).into();
    hash[6] = hash[6] & 0x0f | 0x40;
    hash[8] = hash[8] & 0x0f | 0x80;
    let hex =
        |range: std::ops::Range<usize>| -> String { hash[range].iter().map(|byte| format!("{byte:02x}")).collect() };
    format!(
        "{:08x}-{}-{}-{}-{}",
        number & 0xffff_ffff,
        hex(4..6),
        hex(6..8),
        hex(8..10),
        hex(10..16)
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_those_of_the_recorded_traces() {
        assert_eq!(&*pod_uid(0, "default", "web"), "00000000-4f4d-4c92-858a-a28efd3553fc");
        assert_eq!(&*pod_uid(3, "default", "web-3"), "00000003-7de7-4400-8021-ae66d0ee9a79");
    }
}
