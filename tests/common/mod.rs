//! What several tests use: the archives of recorded cases.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Files of an archive by name.
pub(crate) type Archive = BTreeMap<String, String>;

/// Unpacks an archive of recorded cases.
pub(crate) fn unpack(name: &str) -> Archive {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance")
        .join(name);
    let packed = std::fs::read(path).expect("the archive is there");
    let stream = ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).expect("the archive is zstd");
    let mut files = Archive::new();
    for entry in tar::Archive::new(stream).entries().expect("the archive is a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("an entry is text");
        files.insert(name, text);
    }
    files
}
