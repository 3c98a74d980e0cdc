//! The merges of BPE: which tokens another one is made of.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Affixes;
use super::entries::Entries;
use crate::error::{Error, Result};
use crate::json::Model;

/// The merges of a model.
///
/// A token that ends up in a text was merged of its characters alone: no merge reached across its ends, so that its
/// parts were merged in the order in which they are without what stands around them. What is kept for a token is
/// therefore what its own text meets on the way to it, and a model with these tokens, and with all merges among
/// them, does the same steps: the merge that comes first is there, and none that was not there before.
pub(super) struct Merges<'a> {
    /// As they stand in the file.
    listed: Vec<&'a RawValue>,
    /// Places of both parts and of what they become; `None` for a line that is no merge.
    parts: Vec<Option<[u32; 3]>>,
    /// Ranks, by both parts.
    ranks: HashMap<[u32; 2], u32>,
    /// Ranks, in the order of what the parts become.
    by_merged: Vec<u32>,
    affixes: Affixes,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    merges: Vec<&'a RawValue>,
}

impl<'a> Merges<'a> {
    pub(super) fn read(model: &Model<'a>, entries: &Entries, affixes: Affixes) -> Result<Self> {
        let json: Json<'a> = model.read()?;
        let place = |token: &str| entries.find(token).and_then(|place| u32::try_from(place).ok());
        let read = |merge: &&RawValue| -> Result<_> {
            let pair: Option<(String, String)> = if merge.get().starts_with('"') {
                let line: String = serde_json::from_str(merge.get()).map_err(Error::Json)?;
                line.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
            } else {
                Some(serde_json::from_str(merge.get()).map_err(Error::Json)?)
            };
            Ok(pair.and_then(|(left, right)| {
                let merged = format!("{left}{}", right.get(affixes.prefix.len()..)?);
                Some([place(&left)?, place(&right)?, place(&merged)?])
            }))
        };
        let parts = json.merges.iter().map(read).collect::<Result<Vec<_>>>()?;
        let mut ranks = HashMap::with_capacity(parts.len());
        let mut by_merged = Vec::with_capacity(parts.len());
        for (rank, parts) in (0..).zip(&parts) {
            if let Some([left, right, _]) = *parts {
                // Of a pair that is there twice, the last counts.
                ranks.insert([left, right], rank);
                by_merged.push(rank);
            }
        }
        by_merged.sort_by_key(|&rank: &u32| parts[rank as usize].map(|[_, _, merged]| merged));
        Ok(Self { listed: json.merges, parts, ranks, by_merged, affixes })
    }

    /// Appends the places of the tokens that make the token at a place reachable.
    pub(super) fn parts_of(&self, entries: &Entries, place: usize, parts: &mut Vec<usize>) {
        let Ok(place) = u32::try_from(place) else { return };
        match self.met(entries, place) {
            Some(met) => parts.extend(met.into_iter().map(|place| place as usize)),
            // It is matched as a whole (`ignore_merges`), or not spelled with its characters: what might make it.
            None => {
                let start = self.by_merged.partition_point(|&rank| self.merged(rank) < Some(place));
                let ranks = self.by_merged[start..].iter();
                let ranks = ranks.take_while(|&&rank| self.merged(rank) == Some(place));
                for [left, right, _] in ranks.filter_map(|&rank| self.parts[rank as usize]) {
                    parts.extend([left as usize, right as usize]);
                }
            }
        }
    }

    /// The merges whose tokens are all kept.
    pub(super) fn kept(&self, entries: &Entries) -> Vec<&'a RawValue> {
        let is_kept = |parts: &Option<[u32; 3]>| {
            parts.is_some_and(|parts| parts.iter().all(|&place| entries.is_kept(place as usize)))
        };
        self.listed.iter().zip(&self.parts).filter(|(_, parts)| is_kept(parts)).map(|(raw, _)| *raw).collect()
    }

    fn merged(&self, rank: u32) -> Option<u32> {
        self.parts[rank as usize].map(|[_, _, merged]| merged)
    }

    /// What the text of a token meets until it is that token; `None` if it becomes something else.
    fn met(&self, entries: &Entries, place: u32) -> Option<Vec<u32>> {
        let mut symbols = self.spell(entries, entries.text(place as usize))?;
        let mut met = symbols.clone();
        loop {
            let pairs = symbols.windows(2).enumerate();
            let ranked = pairs.filter_map(|(at, pair)| Some((*self.ranks.get(&[pair[0], pair[1]])?, at)));
            let Some((rank, at)) = ranked.min() else { break };
            let merged = self.merged(rank)?;
            symbols[at] = merged;
            symbols.remove(at + 1);
            met.push(merged);
        }
        (symbols == [place]).then_some(met)
    }

    /// The characters of a token, as tokens.
    fn spell(&self, entries: &Entries, token: &str) -> Option<Vec<u32>> {
        let Affixes { prefix, suffix } = &self.affixes;
        let (continues, core) = match token.strip_prefix(&**prefix) {
            Some(core) if !prefix.is_empty() => (true, core),
            _ => (false, token),
        };
        let (ends, core) = match core.strip_suffix(&**suffix) {
            Some(core) if !suffix.is_empty() => (true, core),
            _ => (false, core),
        };
        let mut symbols = Vec::new();
        let mut symbol = String::new();
        for (at, c) in core.char_indices() {
            symbol.clear();
            if continues || at > 0 {
                symbol.push_str(prefix);
            }
            symbol.push(c);
            if ends && at + c.len_utf8() == core.len() {
                symbol.push_str(suffix);
            }
            symbols.push(u32::try_from(entries.find(&symbol)?).ok()?);
        }
        Some(symbols)
    }
}
