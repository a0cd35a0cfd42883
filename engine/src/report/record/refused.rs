//! Requests that came to nothing: how many, and why.

use calypte_sim::Outcome;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What the trader would otherwise have to find out: that a strategy asked for trades and got none.
pub(super) fn warnings(outcome: &Outcome) -> Vec<String> {
    let (counts, refusals) = (&outcome.counts, &outcome.refusals);
    if counts.fills > 0 || counts.orders + counts.denied + counts.rejected == 0 {
        return Vec::new();
    }
    let denied = count_words(counts.denied, &by_code(&refusals.denied));
    let rejected = count_words(counts.rejected, &by_code(&refusals.rejected));
    vec![format!(
        "nothing was traded: {} intents, {denied} denied; {} orders reached the exchange, {rejected} rejected, {} cancelled, none filled",
        counts.intents, counts.orders, counts.cancelled
    )]
}

pub(super) fn by_code(counts: &BTreeMap<Cow<'static, str>, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(code, count)| (code.to_string(), *count)).collect()
}

/// A number and the codes behind it: `5 (price-off-grid 3, no-position 2)`, the most frequent first.
pub(crate) fn count_words(total: u64, codes: &BTreeMap<String, u64>) -> String {
    if codes.is_empty() {
        return total.to_string();
    }
    let mut codes = codes.iter().collect::<Vec<_>>();
    codes.sort_by_key(|(_, count)| Reverse(**count));
    let codes = codes.iter().map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>();
    format!("{total} ({})", codes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_reason_comes_first() {
        let codes = [("a", 2), ("b", 7), ("c", 2)].map(|(code, count)| (code.to_owned(), count));
        assert_eq!(count_words(11, &codes.into()), "11 (b 7, a 2, c 2)");
        assert_eq!(count_words(0, &BTreeMap::new()), "0");
    }
}
