//! From a record back to what led to it.

use crate::kernel::Time;
use crate::trace::{ProbeOutcome, Record, What};

/// The record and what led to it, nearest first, back to what the scenario did.
pub fn chain<'a>(records: &'a [Record], record: &'a Record) -> impl Iterator<Item = &'a Record> {
    let cause = |r: &&'a Record| r.cause.and_then(|seq| by_seq(records, seq)).filter(|c| c.seq < r.seq);
    std::iter::successors(Some(record), cause)
}

/// The record of that number.
pub fn by_seq(records: &[Record], seq: u64) -> Option<&Record> {
    // A whole trace has every number; of a filtered one the order still holds.
    let guess = usize::try_from(seq).ok().and_then(|ix| records.get(ix));
    guess.filter(|r| r.seq == seq).or_else(|| {
        let found = records.binary_search_by_key(&seq, |r| r.seq).ok()?;
        records.get(found)
    })
}

/// The nearest thing in the causes of a record that a person would call the reason.
pub fn reason<'a>(records: &'a [Record], record: &'a Record) -> Option<Reason<'a>> {
    chain(records, record).skip(1).find_map(Reason::of)
}

/// What the kubelet says of a pull that its rate does not allow (`images/helpers.go: ErrPullQPSExceeded`).
pub(super) const THROTTLED: &str = "pull QPS exceeded";

/// The image of a pull that the kubelet's rate turned away: the runtime was never asked, so there is no call that failed.
pub(super) fn throttled_pull(record: &Record) -> Option<&str> {
    let (image, error) = failed_pull(record)?;
    (error == THROTTLED).then_some(image)
}

/// The image and the error of the event that says that a pull failed.
pub(super) fn failed_pull(record: &Record) -> Option<(&str, &str)> {
    let What::Event(event) = &record.what else {
        return None;
    };
    let rest = event.message.strip_prefix("Failed to pull image \"")?;
    rest.split_once("\": ")
}

/// What a person calls the reason of something.
#[derive(Clone, Copy, Debug)]
pub enum Reason<'a> {
    /// The pod's deletion was asked for.
    Deletion(Time),
    /// A process ended.
    Exit(&'a Record),
    /// A probe failed.
    Probe(&'a Record),
    /// The kubelet decided to kill, and said why in an event.
    Killing(&'a str),
}

impl<'a> Reason<'a> {
    fn of(record: &'a Record) -> Option<Reason<'a>> {
        match &record.what {
            What::Api(call) if matches!(call.op, "delete" | "update") && call.object.is_none() => {
                Some(Reason::Deletion(record.at))
            }
            What::Exit { .. } => Some(Reason::Exit(record)),
            What::Probe { result, .. } if *result != ProbeOutcome::Success => Some(Reason::Probe(record)),
            What::Event(event) if event.reason == "Killing" && event.message.contains("probe") => {
                Some(Reason::Killing(&event.message))
            }
            _ => None,
        }
    }
}
