//! Numbers, as the reference reads and writes them.
//!
//! `tokenizers` reads scores with `serde_json`, without its feature `float_roundtrip`: digits that do not fit into 64
//! bits are dropped, what is left is rounded to an f64, and the quotient by a power of ten is rounded again. Of scores
//! of 17 digits one in three is then not the nearest f64 but one beside it. Which of two ways to cut a word has the
//! higher sum hangs on that where they have the same pieces in another order, `ff`, `f` and `f`, `ff`.

/// Powers of ten that an f64 holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The largest power of ten.
const LARGEST: i32 = 308;

/// What the reference reads in a number of JSON; `None` if it is none, or too large.
pub(crate) fn read(text: &str) -> Option<f64> {
    let text = text.as_bytes();
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        _ => (1.0, text),
    };
    let (integer, rest) = digits(text)?;
    if integer.len() > 1 && integer[0] == b'0' {
        return None;
    }
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest)?,
        _ => (&[][..], rest),
    };
    let mut significand = 0;
    let dropped = integer.len() - push_all(&mut significand, integer);
    let taken = push_all(&mut significand, fraction);
    let exponent = i32::try_from(dropped).ok()?.checked_sub(i32::try_from(taken).ok()?)?;
    let number = match rest {
        [] => scale(significand, exponent)?,
        [b'e' | b'E', rest @ ..] => {
            let (is_positive, rest) = match rest {
                [b'+', rest @ ..] => (true, rest),
                [b'-', rest @ ..] => (false, rest),
                _ => (true, rest),
            };
            let (more, []) = digits(rest)? else { return None };
            let more = more
                .iter()
                .try_fold(0_i32, |more, digit| more.checked_mul(10)?.checked_add(i32::from(digit - b'0')));
            match more {
                Some(more) if is_positive => scale(significand, exponent.saturating_add(more))?,
                Some(more) => scale(significand, exponent.saturating_sub(more))?,
                None if significand != 0 && is_positive => return None,
                None => 0.0,
            }
        }
        _ => return None,
    };
    Some(sign * number)
}

/// A text that the reference reads as a number, which it has read before.
pub(crate) fn write(number: f64) -> String {
    let shortest = |number: f64| format!("{number:?}");
    // The text of a number is not always read as that number, but then that of one beside it is.
    let beside = [
        number,
        number.next_up(),
        number.next_down(),
        number.next_up().next_up(),
        number.next_down().next_down(),
    ];
    let texts = beside.into_iter().map(shortest);
    texts
        .clone()
        .find(|text| read(text).is_some_and(|read| read.to_bits() == number.to_bits()))
        .unwrap_or_else(|| shortest(number))
}

/// The digits a text begins with, one at least, and what is behind them.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| text.split_at(count))
}

/// Adds digits to a number, up to the first that does not fit. Returns how many those are.
fn push_all(significand: &mut u64, digits: &[u8]) -> usize {
    for (count, digit) in digits.iter().enumerate() {
        match significand.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit - b'0'))) {
            Some(longer) => *significand = longer,
            None => return count,
        }
    }
    digits.len()
}

/// significand × 10^exponent, rounded with each step; `None` if it is infinite.
fn scale(significand: u64, mut exponent: i32) -> Option<f64> {
    let mut number = significand as f64;
    while exponent < -LARGEST && number != 0.0 {
        number /= power(LARGEST)?;
        exponent += LARGEST;
    }
    if number == 0.0 {
        return Some(0.0);
    }
    if exponent > LARGEST {
        return None;
    }
    let power = power(exponent.abs())?;
    Some(if exponent < 0 { number / power } else { number * power }).filter(|number| number.is_finite())
}

/// 10^exponent, rounded once.
fn power(exponent: i32) -> Option<f64> {
    EXACT.get(exponent as usize).copied().or_else(|| format!("1e{exponent}").parse().ok())
}

#[cfg(test)]
mod tests;
