//! Unknown words of WordPiece.

use super::entries::Entries;

/// The tokens that make words unknown again which a part of the vocabulary has another way through: the longest
/// matches from the beginning of the word, by which the whole vocabulary comes to where it fails.
///
/// `before` are the ids of a text in the whole vocabulary, `after` those in the part: where the one has an unknown
/// token, the other has the pieces of the word.
pub(super) fn missing(
    entries: &Entries,
    prefix: &str,
    unk: u32,
    before: &[u32],
    after: &[u32],
) -> Vec<usize> {
    let text = |id: u32| entries.with_id(id).next().map_or("", |place| entries.text(place));
    let mut missing = Vec::new();
    let mut before = before.iter().peekable();
    let mut at = 0;
    while let Some(&id) = after.get(at) {
        at += 1;
        if before.next_if(|&&old| old == id).is_some() {
            continue;
        }
        if before.next_if(|&&old| old == unk).is_none() {
            break;
        }
        let mut word = text(id).to_owned();
        missing.extend(path(entries, prefix, &word));
        // Where words may begin with the prefix, the next one may look like a continuation: each end is tried.
        while let Some(more) = after.get(at).and_then(|&id| text(id).strip_prefix(prefix)) {
            word += more;
            missing.extend(path(entries, prefix, &word));
            at += 1;
        }
    }
    missing
}

/// The longest matches from the left, as far as they lead.
fn path(entries: &Entries, prefix: &str, word: &str) -> Vec<usize> {
    let mut path = Vec::new();
    let mut rest = word;
    while !rest.is_empty() {
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        let prefix = if path.is_empty() { "" } else { prefix };
        let mut matches =
            ends.filter_map(|end| Some((entries.find(&format!("{prefix}{}", &rest[..end]))?, end)));
        let Some((place, end)) = matches.next() else { break };
        path.push(place);
        rest = &rest[end..];
    }
    path
}
