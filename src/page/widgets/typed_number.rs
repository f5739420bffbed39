//! Numbers as people type them: with a point or a comma, in powers of ten, by any keyboard.

use kindling_core::decimal;

/// What a typed text says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Typed {
    Number(f64),
    /// Two numbers, depending on where one learned to write them: `1,000` is 1 or 1000.
    Ambiguous {
        small: f64,
        large: f64,
    },
    Nothing,
}

/// Reads a text. `is_whole` decides what a fraction would not: `1,000` is 1000 where only whole numbers are possible.
pub fn read(text: &str, is_whole: bool) -> Typed {
    let text = plain(text);
    let (mantissa, exponent) = match text.split_once('e') {
        // `e-4` alone is a power of ten.
        Some(("", exponent)) => ("1", Some(exponent)),
        Some(("-", exponent)) => ("-1", Some(exponent)),
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let of = |mantissa: &str| number(mantissa, exponent);
    let places: Vec<(usize, char)> = mantissa.char_indices().filter(|(_, sign)| matches!(sign, '.' | ',')).collect();
    let without = |sign: char| mantissa.replace(sign, "");
    let result = match places.as_slice() {
        [] => of(mantissa),
        [(place, sign)] => {
            let (before, after) =
                (mantissa.get(..*place).unwrap_or_default(), mantissa.get(place + 1..).unwrap_or_default());
            let is_group = are_groups(mantissa, *sign);
            let (small, large) = (of(&format!("{before}.{after}")), of(&without(*sign)));
            match (small, large) {
                // The page itself writes numbers with a point.
                (Some(small), Some(large)) if is_group && small != large && (*sign == ',' || is_whole) => {
                    return match is_whole && *sign == ',' {
                        true => Typed::Number(large),
                        false => Typed::Ambiguous { small, large },
                    };
                }
                (small, _) => small,
            }
        }
        [.., (_, last)] => {
            let other = if *last == '.' { ',' } else { '.' };
            let n_last = places.iter().filter(|(_, sign)| sign == last).count();
            match n_last {
                // `1,234.5`: the last one is the decimal point, the others group thousands.
                1 if are_groups(mantissa.rsplit_once(*last).map_or("", |(whole, _)| whole), other) => {
                    of(&without(other).replace(',', "."))
                }
                // `1,234,567`
                n if n == places.len() && are_groups(mantissa, *last) => of(&without(*last)),
                _ => None,
            }
        }
    };
    result.map_or(Typed::Nothing, Typed::Number)
}

/// In ASCII and lower case, without spaces and without a plus sign in front.
fn plain(text: &str) -> String {
    let ascii = |sign: char| match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0).unwrap_or(sign),
        '\u{2212}' | '\u{2013}' => '-',
        '\u{3002}' | '\u{00b7}' => '.',
        '\u{3001}' | '\u{066b}' => ',',
        sign => sign,
    };
    let is_kept = |sign: &char| !sign.is_whitespace() && !matches!(sign, '\'' | '\u{2019}' | '_');
    let text: String = text.chars().map(ascii).filter(is_kept).map(|sign| sign.to_ascii_lowercase()).collect();
    text.strip_prefix('+').unwrap_or(&text).to_owned()
}

/// Whether a sign separates groups of three digits, and the first group is no lone zero.
fn are_groups(text: &str, sign: char) -> bool {
    let mut groups = text.trim_start_matches('-').split(sign);
    let is_digits = |group: &str| group.bytes().all(|digit| digit.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && is_digits(first)
        && !first.starts_with('0')
        && groups.all(|group| group.len() == 3 && is_digits(group))
}

/// A number with a point, in the form that JSON has: `.5`, `5.` and `007` are none there.
fn number(mantissa: &str, exponent: Option<&str>) -> Option<f64> {
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    let exponent = exponent.unwrap_or("0");
    decimal::parse(&format!("{sign}{whole}.{fraction}e{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_is_understood() {
        let check = |text: &str, expected: f64| {
            assert_eq!(read(text, false), Typed::Number(expected), "{text}");
        };
        check("0.001", 0.001);
        check("0,001", 0.001);
        check("5,5", 5.5);
        check(".005", 0.005);
        check(",005", 0.005);
        check("-.5", -0.5);
        check("5.", 5.0);
        check("1e-4", 1e-4);
        check("1E-4", 1e-4);
        check("E-4", 1e-4);
        check("e-4", 1e-4);
        check("-e2", -100.0);
        check("1,5e-4", 1.5e-4);
        check("2e+3", 2000.0);
        check(" 1 000 ", 1000.0);
        check("1\u{a0}000,5", 1000.5);
        check("1’000.5", 1000.5);
        check("1,234.5", 1234.5);
        check("1.234,5", 1234.5);
        check("1,234,567", 1_234_567.0);
        check("1.234.567", 1_234_567.0);
        check("+3", 3.0);
        check("−3", -3.0);
        check("０．００１", 0.001);
        check("1.000", 1.0);
        check("12.345", 12.345);
        check("007", 7.0);
        check("0.000", 0.0);
        check("0,000", 0.0);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        assert_eq!(read("1,000", false), Typed::Ambiguous { small: 1.0, large: 1000.0 });
        assert_eq!(read("-12,345", false), Typed::Ambiguous { small: -12.345, large: -12_345.0 });
        assert_eq!(read("1,000", true), Typed::Number(1000.0));
        assert_eq!(read("1.000", true), Typed::Ambiguous { small: 1.0, large: 1000.0 });
        assert_eq!(read("128.0", true), Typed::Number(128.0));
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        for text in [
            "", " ", "-", "e", "-e", "many", "1e", "1e1.5", "1..5", "1,2,3", "1,2.3,4", "0x10", "NaN", "inf", "5%",
            "1-2", "--1", "1e999",
        ] {
            assert_eq!(read(text, false), Typed::Nothing, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_the_page_writes_is_read_back(number in -1e12_f64..1e12, exponent in -12_i32..12) {
            let number = number * 10_f64.powi(exponent);
            prop_assert_eq!(read(&number.to_string(), false), Typed::Number(number));
            prop_assert_eq!(read(&format!("{number:e}"), false), Typed::Number(number));
        }

        #[test]
        fn any_text_is_read_without_panic(text: String, signs in "[-+0-9.,eE' ]{0,12}") {
            for is_whole in [false, true] {
                read(&text, is_whole);
                if let Typed::Number(number) = read(&signs, is_whole) {
                    prop_assert!(number.is_finite());
                }
            }
        }
    }
}
