//! A part of the input that runs share: a clone costs nothing, and a change makes a copy of its own first.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value behind a pointer that is copied when it is written to while others still look at it.
#[derive(Clone, Debug, Default)]
pub struct Shared<T>(Arc<T>);

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Shared<T> {
        Shared(Arc::new(value))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_its_owner_alone() {
        let mut own = Shared::from(vec![1]);
        let other = own.clone();
        own.push(2);
        assert_eq!((&*own, &*other), (&vec![1, 2], &vec![1]));
    }
}
