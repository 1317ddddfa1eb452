//! What may be asked for again, within a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Values by key, of which so many octets are kept and no more.
///
/// There are two generations. When the younger has half of the octets, it becomes the older, and
/// what was the older goes; whatever is asked for comes back into the younger. So what is wanted
/// often stays, and what nobody asks for a second time goes.
#[derive(Debug)]
pub(crate) struct Shelf<K, V> {
    younger: HashMap<K, Kept<V>>,
    older: HashMap<K, Kept<V>>,
    /// Octets in the younger generation.
    octets: usize,
    /// The most octets in a generation.
    most: usize,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    octets: usize,
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    /// What a place takes by itself. A table is at least half full.
    const PLACE: usize = 2 * size_of::<(K, Kept<V>)>();

    /// An empty one, for so many octets.
    pub(crate) fn new(octets: usize) -> Self {
        let (younger, older) = (HashMap::new(), HashMap::new());
        Self { younger, older, octets: 0, most: octets / 2 }
    }

    /// Keeps a value under a key, in the place of an earlier one; not if it is too large for a
    /// generation. `heap` is what the two take beside their place, in octets.
    pub(crate) fn insert(&mut self, key: K, value: V, heap: usize) {
        self.remove(&key);
        let octets = Self::PLACE.saturating_add(heap);
        if octets <= self.most {
            self.put(key, Kept { value, octets });
        }
    }

    /// Forgets what is kept under a key, and returns it.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        if let Some(kept) = self.younger.remove(key) {
            self.octets -= kept.octets;
            return Some(kept.value);
        }
        self.older.remove(key).map(|kept| kept.value)
    }

    /// What is kept under a key. It stays for longer then.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, kept)) = self.older.remove_entry(key) {
            self.put(key, kept);
        }
        self.younger.get_mut(key).map(|kept| &mut kept.value)
    }

    fn put(&mut self, key: K, kept: Kept<V>) {
        if self.octets + kept.octets > self.most {
            self.older = mem::take(&mut self.younger);
            self.octets = 0;
        }
        self.octets += kept.octets;
        self.younger.insert(key, kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For so many values that take nothing beside their place.
    fn shelf(places: usize) -> Shelf<u32, u32> {
        Shelf::new(places * Shelf::<u32, u32>::PLACE)
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut shelf = shelf(20);
        for number in 0..1000 {
            shelf.insert(number, number, 0);
            assert_eq!(shelf.get(&0), Some(&mut 0), "after {number}");
        }
        assert_eq!(shelf.get(&1), None);
        assert_eq!(shelf.get(&999), Some(&mut 999));
    }

    #[test]
    fn a_large_value_pushes_out_many_small_ones() {
        let mut shelf = shelf(20);
        for number in 0..10 {
            shelf.insert(number, 0, 0);
        }
        let nearly_half = 9 * Shelf::<u32, u32>::PLACE;
        for number in 10..12 {
            shelf.insert(number, 0, nearly_half);
        }
        assert!((0..10).all(|number| shelf.get(&number).is_none()));
        assert!((10..12).all(|number| shelf.get(&number).is_some()));
    }

    proptest! {
        #[test]
        fn it_never_keeps_more_and_never_an_old_value(
            steps in prop::collection::vec((0u32..30, 0usize..500, 0u8..4), 0..400),
        ) {
            let mut shelf = shelf(16);
            let mut model = HashMap::new();
            for (number, (key, heap, action)) in (0u32..).zip(steps) {
                match action {
                    0 => {
                        let removed = shelf.remove(&key);
                        let expected = model.remove(&key);
                        prop_assert!(removed.is_none() || removed == expected);
                    }
                    1 => {
                        shelf.insert(key, number, heap);
                        model.insert(key, number);
                    }
                    _ => {
                        if let Some(value) = shelf.get(&key) {
                            prop_assert_eq!(Some(&*value), model.get(&key));
                        }
                    }
                }
                let sum: usize = shelf.younger.values().map(|kept| kept.octets).sum();
                prop_assert_eq!(sum, shelf.octets);
                prop_assert!(sum <= shelf.most);
                prop_assert!(shelf.older.values().map(|kept| kept.octets).sum::<usize>() <= shelf.most);
                prop_assert!(shelf.younger.keys().all(|key| !shelf.older.contains_key(key)));
            }
        }
    }
}
