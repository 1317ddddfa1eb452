//! Which domains were seen, in memory that does not grow with the list.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::FileExt as _;

/// Domains that are remembered in memory, before they go into a file: a megabyte.
const MOST_IN_MEMORY: usize = 56 * 1024;
/// The places of the first file; at most half of them are taken.
const FIRST_PLACES: u64 = 4 * 1024 * 1024;
/// What a place takes, in octets.
const PLACE: usize = 16;
/// Places that are read or written at once.
const BLOCK: usize = 256;

/// Two hashes of a domain under keys that nobody outside knows: with ten million domains the odds
/// that any one is taken for another are 1 to 10^24. Never zero, which is an empty place.
type Mark = [u8; PLACE];

/// Domains, remembered in 16 octets each: the first in memory, many in a temporary file that is gone
/// when the program ends.
#[derive(Debug, Default)]
pub(super) struct Seen {
    keys: [RandomState; 2],
    few: HashSet<Mark>,
    many: Option<Table>,
}

impl Seen {
    /// Remembers a domain; whether it is new.
    pub(super) fn insert(&mut self, domain: &str) -> io::Result<bool> {
        let mark = self.mark(domain);
        if self.few.contains(&mark) {
            return Ok(false);
        }
        if let Some(many) = &self.many
            && many.contains(&mark)?
        {
            return Ok(false);
        }
        if self.few.len() >= MOST_IN_MEMORY {
            let mut many = match self.many.take() {
                Some(many) => many,
                None => Table::new(FIRST_PLACES)?,
            };
            for mark in self.few.drain() {
                many = many.with(mark)?;
            }
            self.many = Some(many);
        }
        Ok(self.few.insert(mark))
    }

    fn mark(&self, domain: &str) -> Mark {
        let mut mark = [1; PLACE];
        for (half, key) in mark.chunks_mut(8).zip(&self.keys) {
            half.copy_from_slice(&key.hash_one(domain).to_ne_bytes());
        }
        if mark == [0; PLACE] { [1; PLACE] } else { mark }
    }
}

/// A hash table in a file: a mark stands at the place that its first half names, or at the first free
/// one behind.
#[derive(Debug)]
struct Table {
    file: std::fs::File,
    places: u64,
    taken: u64,
}

impl Table {
    fn new(places: u64) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        // A file of holes: only what is written takes room.
        file.set_len(places * PLACE as u64)?;
        Ok(Self { file, places, taken: 0 })
    }

    fn contains(&self, mark: &Mark) -> io::Result<bool> {
        self.find(mark).map(|(_, is_there)| is_there)
    }

    /// The same with one more, in a larger file when half of this is full.
    fn with(mut self, mark: Mark) -> io::Result<Self> {
        if self.taken >= self.places / 2 {
            let mut larger = Self::new(self.places * 2)?;
            let mut block = vec![0; BLOCK * PLACE];
            for first in (0..self.places).step_by(BLOCK) {
                self.file.read_exact_at(&mut block, first * PLACE as u64)?;
                for mark in block.chunks_exact(PLACE) {
                    let mark = Mark::try_from(mark).map_err(io::Error::other)?;
                    if mark != [0; PLACE] {
                        larger.put(mark)?;
                    }
                }
            }
            self = larger;
        }
        self.put(mark)?;
        Ok(self)
    }

    fn put(&mut self, mark: Mark) -> io::Result<()> {
        let (place, is_there) = self.find(&mark)?;
        if !is_there {
            self.file.write_all_at(&mark, place * PLACE as u64)?;
            self.taken += 1;
        }
        Ok(())
    }

    /// Where a mark stands or would, and whether it does.
    fn find(&self, mark: &Mark) -> io::Result<(u64, bool)> {
        let [a, b, c, d, e, f, g, h, ..] = *mark;
        let mut place = u64::from_ne_bytes([a, b, c, d, e, f, g, h]) % self.places;
        loop {
            let mut found = [0; PLACE];
            self.file.read_exact_at(&mut found, place * PLACE as u64)?;
            if found == *mark || found == [0; PLACE] {
                return Ok((place, found == *mark));
            }
            // Half of the places are free, so there is an end to it.
            place = (place + 1) % self.places;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_is_new_once() {
        let mut seen = Seen::default();
        let count = 3 * MOST_IN_MEMORY;
        for round in 0..2 {
            for number in 0..count {
                let is_new = seen.insert(&format!("n{number}.test")).unwrap();
                assert_eq!(is_new, round == 0, "{number}");
            }
        }
        assert!(seen.few.len() <= MOST_IN_MEMORY);
        assert!(seen.many.is_some());
    }

    #[test]
    fn a_table_grows_and_keeps_what_it_has() {
        let mark = |number: u64| {
            let mut mark = [7; PLACE];
            // Many begin at the same place.
            mark[..8].copy_from_slice(&(number / 3).to_ne_bytes());
            mark[8..].copy_from_slice(&number.to_ne_bytes());
            mark
        };
        let mut table = Table::new(BLOCK as u64).unwrap();
        for number in 1..1000 {
            table = table.with(mark(number)).unwrap();
            table = table.with(mark(number)).unwrap();
        }
        assert_eq!(table.taken, 999);
        assert!(table.places >= 1998);
        for number in 1..2000 {
            assert_eq!(table.contains(&mark(number)).unwrap(), number < 1000, "{number}");
        }
    }
}
