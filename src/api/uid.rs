//! UIDs of objects: of the usual form, and a function of nothing but place and name.

use sha2::{Digest, Sha256};

use super::pod::Name;

/// The UID of the `number`-th pod of the input (from 0): a version 4 UUID from a hash of its name, its first
/// group the number, so that no two pods of a run share one. The traces recorded from the kubelet use the same.
pub fn pod_uid(number: usize, namespace: &str, name: &str) -> Name {
    let hashed = hashed(&format!("uid{namespace}{name}"));
    format!("{:08x}{}", number & 0xffff_ffff, &hashed[8..]).into()
}

/// The UID of any other object.
pub(crate) fn object_uid(kind: &str, namespace: &str, name: &str) -> Name {
    hashed(&format!("{kind}/{namespace}/{name}")).into()
}

/// A version 4 UUID from a hash of the text.
fn hashed(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash: [u8; 32] = Sha256::digest(text).into();
    hash[6] = hash[6] & 0x0f | 0x40;
    hash[8] = hash[8] & 0x0f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in hash[..16].iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
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
