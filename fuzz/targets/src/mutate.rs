//! Seeded mutations, for machines and minutes that have no libFuzzer.

/// Makes inputs out of seeds; the same number gives the same inputs everywhere.
#[derive(Debug, Clone)]
pub struct Mutator {
    state: u64,
}

/// Longest input that mutations grow to, in bytes.
const LONGEST: usize = 64 * 1024;
/// Values at the edges of number formats, little endian.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

impl Mutator {
    /// A generator that starts at `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or_default()
    }

    /// One of `seeds` with a few mutations; `words` are put in whole.
    pub fn input(&mut self, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let chosen = self.below(seeds.len());
        let mut bytes = seeds.get(chosen).cloned().unwrap_or_default();
        for _ in 0..=self.below(8) {
            let other = self.below(seeds.len());
            let other = seeds.get(other).map_or(&[][..], Vec::as_slice);
            self.mutate(&mut bytes, other, words);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8], words: &[&str]) {
        let at = self.below(bytes.len());
        let length = self.below(16) + 1;
        let end = (at + length).min(bytes.len());
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.next().to_le_bytes()[0],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
            4 => bytes.truncate(at),
            5 => {
                let word = words.get(self.below(words.len())).copied();
                drop(bytes.splice(at..at, word.unwrap_or_default().bytes()));
            }
            6 => {
                let from = self.below(other.len());
                let until = (from + self.below(256)).min(other.len());
                drop(bytes.splice(at..end, other[from..until].iter().copied()));
            }
            7 => {
                let edge = EDGES[self.below(EDGES.len())].to_le_bytes();
                for (to, from) in bytes[at..].iter_mut().zip(&edge[..1 << self.below(4)]) {
                    *to = *from;
                }
            }
            _ => {
                let count = self.below(2000);
                let copy = bytes.get(at).copied().unwrap_or(b'[');
                drop(bytes.splice(at..at, std::iter::repeat_n(copy, count)));
            }
        }
    }
}
