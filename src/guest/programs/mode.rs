//! Permission bits as chmod, mkdir -m and umask take them.

/// The bits that a mode gives to a file that has `old`: octal, or clauses like `u+x,g=`; None when it can't be read.
pub(in crate::guest) fn changed(mode: &str, old: u32) -> Option<u32> {
    if let Ok(bits) = u32::from_str_radix(mode, 8) {
        return Some(bits & 0o7777);
    }
    mode.split(',').try_fold(old, |bits, clause| {
        let (who, change) = clause.split_at(clause.find(['+', '-', '='])?);
        let mut mask = if who.is_empty() { 0o777 } else { 0 };
        for c in who.chars() {
            mask |= match c {
                'a' => 0o777,
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                _ => return None,
            };
        }
        let mut set = 0;
        for c in change.chars().skip(1) {
            set |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' | 'X' => 0o111,
                's' | 't' => 0,
                // Several changes for the same owners, and copies (`g=u`), are rare.
                _ => return None,
            };
        }
        set &= mask;
        match change.chars().next() {
            Some('+') => Some(bits | set),
            Some('-') => Some(bits & !set),
            _ => Some(bits & !mask | set),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn modes_are_read() {
        for (mode, old, new) in [
            ("755", 0, Some(0o755)),
            ("+x", 0o644, Some(0o755)),
            ("u=rwx,go=", 0o644, Some(0o700)),
            ("a-w", 0o666, Some(0o444)),
            ("xyz", 0o644, None),
            ("u", 0o644, None),
        ] {
            assert_eq!(changed(mode, old), new, "{mode}");
        }
    }
}
