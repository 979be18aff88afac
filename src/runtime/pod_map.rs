//! What is known of each pod.

use super::PodIx;

/// A map from pods, in their order. On most nodes all pods from the first on are there, so that the place of one is known
/// without a search.
#[derive(Debug)]
pub struct PodMap<T>(Vec<(PodIx, T)>);

impl<T> Default for PodMap<T> {
    fn default() -> PodMap<T> {
        PodMap(Vec::new())
    }
}

impl<T> PodMap<T> {
    /// The place of a pod, or else where it would come.
    fn place(&self, ix: PodIx) -> Result<usize, usize> {
        let guess = self.0.first().and_then(|(first, _)| ix.0.checked_sub(first.0));
        if let Some(place) = guess
            && self.0.get(place).is_some_and(|(there, _)| *there == ix)
        {
            return Ok(place);
        }
        self.0.binary_search_by_key(&ix, |(there, _)| *there)
    }

    /// What is known of a pod.
    pub fn get(&self, ix: PodIx) -> Option<&T> {
        self.place(ix).ok().map(|place| &self.0[place].1)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, ix: PodIx) -> Option<&mut T> {
        self.place(ix).ok().map(|place| &mut self.0[place].1)
    }

    /// Whether anything is known of a pod.
    pub fn has(&self, ix: PodIx) -> bool {
        self.place(ix).is_ok()
    }

    /// Puts in what is known of a pod, and gives what was known before.
    pub fn insert(&mut self, ix: PodIx, known: T) -> Option<T> {
        match self.place(ix) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, known)),
            Err(place) => {
                self.0.insert(place, (ix, known));
                None
            }
        }
    }

    /// What is known of a pod, put in if nothing is.
    pub fn or_insert_with(&mut self, ix: PodIx, new: impl FnOnce() -> T) -> &mut T {
        let place = match self.place(ix) {
            Ok(place) => place,
            Err(place) => {
                self.0.insert(place, (ix, new()));
                place
            }
        };
        &mut self.0[place].1
    }

    /// Takes out what is known of a pod.
    pub fn remove(&mut self, ix: PodIx) -> Option<T> {
        self.place(ix).ok().map(|place| self.0.remove(place).1)
    }

    /// Keeps only the pods of which that is true.
    pub fn retain(&mut self, mut keep: impl FnMut(PodIx, &T) -> bool) {
        self.0.retain(|(ix, known)| keep(*ix, known));
    }

    /// How many pods there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pods.
    pub fn pods(&self) -> impl Iterator<Item = PodIx> + '_ {
        self.0.iter().map(|(ix, _)| *ix)
    }

    /// All that is known.
    pub fn iter(&self) -> impl Iterator<Item = (PodIx, &T)> {
        self.0.iter().map(|(ix, known)| (*ix, known))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (PodIx, &mut T)> {
        self.0.iter_mut().map(|(ix, known)| (*ix, known))
    }
}

impl<T> IntoIterator for PodMap<T> {
    type Item = (PodIx, T);
    type IntoIter = std::vec::IntoIter<(PodIx, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_found_whether_all_are_there_or_some_are_missing() {
        let mut map = PodMap::default();
        for ix in [7, 5, 6, 9, 8, 20] {
            assert_eq!(map.insert(PodIx(ix), ix), None);
        }
        let known = |map: &PodMap<usize>| map.iter().map(|(_, known)| *known).collect::<Vec<_>>();
        assert_eq!(known(&map), [5, 6, 7, 8, 9, 20]);
        for gone in [6, 5] {
            assert_eq!(map.remove(PodIx(gone)), Some(gone));
            assert_eq!((map.remove(PodIx(gone)), map.has(PodIx(gone))), (None, false));
        }
        for ix in [7, 8, 9, 20] {
            assert_eq!(map.get(PodIx(ix)), Some(&ix));
        }
        assert_eq!((map.get(PodIx(0)), map.get(PodIx(21)), map.len()), (None, None, 4));
        *map.or_insert_with(PodIx(6), || 1) += 1;
        *map.get_mut(PodIx(20)).expect("it is there") += 1;
        assert_eq!(map.insert(PodIx(7), 70), Some(7));
        assert_eq!(known(&map), [2, 70, 8, 9, 21]);
        map.retain(|ix, _| ix.0 % 2 == 1);
        assert_eq!(map.pods().collect::<Vec<_>>(), [PodIx(7), PodIx(9)]);
    }
}
