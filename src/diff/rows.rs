//! Pairs the moments of two runs, and cuts out the stretches in which they differ.

use std::collections::BTreeMap;

use super::moments::{Identity, Moment, Run};
use crate::kernel::Time;

/// A moment of one run beside the same moment of the other.
#[derive(Clone, Debug)]
pub struct Row {
    pub(super) ids: Vec<Identity>,
    /// The moment on each side, where it happens there.
    pub sides: [Option<Moment>; 2],
    /// Indices into [`super::Difference::causes`].
    pub causes: Vec<usize>,
}

impl Row {
    /// Whether a user sees no difference.
    pub fn is_same(&self) -> bool {
        match &self.sides {
            [Some(old), Some(new)] => old.looks_like(new),
            _ => false,
        }
    }

    /// When it happens first.
    pub fn at(&self) -> Time {
        let times = self.sides.iter().flatten().map(|moment| moment.at);
        times.min().expect("a row has a side")
    }
}

/// Rows of which no two neighbours are far apart.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// The first and the last of them differ.
    pub rows: Vec<Row>,
}

/// So many rows that are alike may lie between two that differ.
const BRIDGE: usize = 2;

/// Every moment of both runs, in order: those of one identity side by side; of what is left those of one kind, first
/// with first.
pub(super) fn pair(old: &Run, new: &Run) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut places: BTreeMap<&Identity, usize> = BTreeMap::new();
    for (id, moment) in &old.moments {
        places.insert(id, rows.len());
        rows.push(Row {
            ids: vec![id.clone()],
            sides: [Some(moment.clone()), None],
            causes: Vec::new(),
        });
    }
    type Kind<'a> = (&'a crate::api::pod::Name, &'a crate::api::pod::Name, &'a str);
    let mut left: BTreeMap<Kind<'_>, Vec<usize>> = BTreeMap::new();
    for (place, (id, _)) in old.moments.iter().enumerate().rev() {
        if !new.has(id) {
            left.entry(id.kind()).or_default().push(place);
        }
    }
    for (id, moment) in &new.moments {
        let place = places
            .get(id)
            .copied()
            .or_else(|| left.get_mut(&id.kind()).and_then(Vec::pop));
        match place {
            Some(place) => {
                rows[place].sides[1] = Some(moment.clone());
                if rows[place].ids[0] != *id {
                    rows[place].ids.push(id.clone());
                }
            }
            None => rows.push(Row {
                ids: vec![id.clone()],
                sides: [None, Some(moment.clone())],
                causes: Vec::new(),
            }),
        }
    }
    rows.sort_by_key(Row::at);
    rows
}

/// The stretches that differ.
pub(super) fn stretches(rows: Vec<Row>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut alike: Vec<Row> = Vec::new();
    for row in rows {
        if row.is_same() {
            alike.push(row);
            continue;
        }
        let bridged = std::mem::take(&mut alike);
        match stretches.last_mut() {
            Some(stretch) if bridged.len() <= BRIDGE => {
                stretch.rows.extend(bridged);
                stretch.rows.push(row);
            }
            _ => stretches.push(Stretch { rows: vec![row] }),
        }
    }
    stretches
}
