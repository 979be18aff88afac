//! Folds steady repetition: cycles of lines that come again alike, at steady gaps, become one line.

use crate::kernel::{Duration, Time};

/// What folding needs to know of a line.
pub(super) trait Repeats {
    /// When it happened.
    fn at(&self) -> Time;
    /// What must be the same for two lines to be alike.
    fn key(&self) -> &str;
}

/// A stretch of lines to show as it is, or as `cycles` repetitions of the `length` lines before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// Shown as it is: the line's index.
    Line(usize),
    /// Folded away.
    Fold {
        /** index of the first folded line; the cycle's model is the `length` lines before it */
        first: usize,
        /** lines of a cycle */
        length: usize,
        /** how many cycles are folded */
        cycles: usize,
        /** the gap between cycles, on average */
        period: Duration,
    },
}

/// The longest cycle that is looked for, in lines.
const LONGEST_CYCLE: usize = 12;
/// So many cycles must follow the first for folding to be worth it.
const LEAST_FOLDED: usize = 2;
/// Gaps are steady when they differ by no more than this …
const TOLERANCE: Duration = Duration::from_millis(2_100);
/// … or by one part in so many.
const TOLERANCE_PART: i64 = 20;

/// The lines with every steady loop folded: its first cycle is shown, the others are not.
pub(super) fn fold<L: Repeats>(lines: &[L]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        // Of several ways to read the same repetition the shortest cycle is the plainest.
        let best = (1..=LONGEST_CYCLE)
            .map(|length| (length, cycles_after(lines, at, length)))
            .filter(|&(length, cycles)| cycles >= LEAST_FOLDED && cycles * length >= 4)
            .max_by_key(|&(length, cycles)| (length * (cycles + 1), std::cmp::Reverse(length)));
        let Some((length, cycles)) = best else {
            stretches.push(Stretch::Line(at));
            at += 1;
            continue;
        };
        stretches.extend((at..at + length).map(Stretch::Line));
        let first = at + length;
        let whole = lines[at + length * cycles].at() - lines[at].at();
        let divisor = i64::try_from(cycles).expect("lines fit in memory");
        stretches.push(Stretch::Fold {
            first,
            length,
            cycles,
            period: Duration(whole.as_nanos() / divisor),
        });
        at = first + length * cycles;
    }
    stretches
}

/// How many cycles alike follow the cycle of `length` lines at `start`, at steady gaps.
fn cycles_after<L: Repeats>(lines: &[L], start: usize, length: usize) -> usize {
    let mut cycles = 0;
    let mut steady: Option<Duration> = None;
    loop {
        let next = start + (cycles + 1) * length;
        if next + length > lines.len() {
            return cycles;
        }
        for offset in 0..length {
            let (before, after) = (&lines[next + offset - length], &lines[next + offset]);
            if before.key() != after.key() {
                return cycles;
            }
            let gap = after.at() - before.at();
            let expected = *steady.get_or_insert(gap);
            let allowed = TOLERANCE.as_nanos().max(expected.as_nanos() / TOLERANCE_PART);
            if (gap - expected).as_nanos().abs() > allowed {
                return cycles;
            }
        }
        cycles += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line(i64, &'static str);

    impl Repeats for Line {
        fn at(&self) -> Time {
            Time::ZERO + Duration::from_secs(self.0)
        }
        fn key(&self) -> &str {
            self.1
        }
    }

    /// The letters, one a line, ten seconds apart.
    fn letters(text: &'static str) -> Vec<Line> {
        let lines = (0..text.len()).map(|n| Line(10 * i64::try_from(n).expect("short"), &text[n..=n]));
        lines.collect()
    }

    fn shape(lines: &[Line]) -> String {
        let shown = fold(lines).into_iter().map(|stretch| match stretch {
            Stretch::Line(ix) => lines[ix].1.to_owned(),
            Stretch::Fold { length, cycles, .. } => format!("({length}x{cycles})"),
        });
        shown.collect()
    }

    #[test]
    fn repetition_is_folded_after_its_first_cycle() {
        for (text, folded) in [
            ("abc", "abc"),
            ("abab", "abab"),
            ("ababab", "ab(2x2)"),
            ("xabababy", "xab(2x2)y"),
            ("aaa", "aaa"),
            ("aaaaa", "a(1x4)"),
            ("abcabcabcab", "abc(3x2)ab"),
        ] {
            assert_eq!(shape(&letters(text)), folded, "{text}");
        }
    }

    #[test]
    fn growing_gaps_are_not_steady() {
        let lines = [0, 10, 30, 70, 150, 310].map(|secs| Line(secs, "a"));
        assert_eq!(shape(&lines), "aaaaaa");
    }
}
