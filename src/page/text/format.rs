//! Numbers in readable form.

use leptos::prelude::Get;

use crate::page::text::i18n::{Language, language};

/// `59,000`
pub fn count(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `98.7%` for a fraction from 0 to 1. Only exactly 1 becomes 100%, and only exactly 0 becomes 0%.
pub fn percent(fraction: f64) -> String {
    if !fraction.is_finite() {
        return "–".to_owned();
    }
    let percent = fraction * 100.0;
    let rounded = (percent * 10.0).round() / 10.0;
    let honest = match rounded {
        rounded if rounded >= 100.0 && percent < 100.0 => 99.9,
        rounded if rounded <= 0.0 && percent > 0.0 => 0.1,
        rounded => rounded,
    };
    if honest == 100.0 || honest == 0.0 { format!("{honest:.0}%") } else { format!("{honest:.1}%") }
}

/// `98.7%` for a probability. A softmax reaches neither end, so these are `<0.1%` and `>99.9%`.
pub fn probability(probability: f64) -> String {
    match probability * 100.0 {
        percent if percent.is_nan() => "–".to_owned(),
        percent if percent < 0.05 => "<0.1%".to_owned(),
        percent if percent >= 99.95 => ">99.9%".to_owned(),
        percent => format!("{percent:.1}%"),
    }
}

/// `0.0432`, `2.30`, `1.2e-5`, `4.60e21`: the number of decimals depends on the magnitude, for about three significant digits.
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-4 => format!("{value:.1e}"),
        // A learning rate of 0.00025 must not read as 0.0003.
        size if size < 1e-3 => format!("{value:.6}").trim_end_matches('0').to_owned(),
        size if size < 0.1 => format!("{value:.4}"),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 100.0 => format!("{value:.2}"),
        size if size < 1e5 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

/// All digits of a number, and no row of zeros: `0.00025`, `1e-6`.
pub fn exact(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-4 => format!("{number:e}"),
        _ => number.to_string(),
    }
}

/// `a, b`, in Chinese `a，b`; tracks the language.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let comma = match language().get() {
        Language::English => ", ",
        Language::Chinese => "，",
    };
    items.into_iter().collect::<Vec<_>>().join(comma)
}

/// `1.2 M`, in Chinese `120 万`: a large count, in the units of floating point work; tracks the language.
pub fn short_count(number: u64) -> String {
    short_count_in(language().get(), number)
}

fn short_count_in(language: Language, number: u64) -> String {
    let value = number as f64;
    match number {
        0..10_000 if language == Language::Chinese => number.to_string(),
        10_000..99_950_000 if language == Language::Chinese => format!("{} 万", three_digits(value / 1e4)),
        _ if language == Language::Chinese => format!("{} 亿", three_digits(value / 1e8)),
        0..1_000 => number.to_string(),
        1_000..999_500 => format!("{} k", three_digits(value / 1e3)),
        999_500..999_500_000 => format!("{} M", three_digits(value / 1e6)),
        _ => format!("{} G", three_digits(value / 1e9)),
    }
}

/// `9.6 MB`
pub fn bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_500 => format!("{} kB", three_digits(value / 1e3)),
        999_500..999_500_000 => format!("{} MB", three_digits(value / 1e6)),
        _ => format!("{} GB", three_digits(value / 1e9)),
    }
}

/// `3.1 MB/s`
pub fn byte_rate(bytes_per_second: f64) -> String {
    // The cast saturates, and turns NaN into 0.
    format!("{}/s", bytes(bytes_per_second as u64))
}

/// `0:07`, `3:25`, `1:02:03`
pub fn clock(duration_ms: f64) -> String {
    let seconds = (duration_ms.max(0.0) / 1_000.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `2026-11-24 17:05`, in local time, for milliseconds since 1970.
pub fn date(time_ms: f64) -> String {
    let date = js_sys::Date::new(&time_ms.into());
    let (month, day) = (date.get_month() + 1, date.get_date());
    format!("{}-{month:02}-{day:02} {:02}:{:02}", date.get_full_year(), date.get_hours(), date.get_minutes())
}

/// One decimal below 10, none from there on: `9.6`, `62`, `812`.
fn three_digits(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0_u32), "0");
        assert_eq!(count(999_u32), "999");
        assert_eq!(count(59_000_u32), "59,000");
        assert_eq!(count(1_234_567_u64), "1,234,567");
    }

    #[test]
    fn exact_numbers_have_all_digits_and_no_row_of_zeros() {
        let numbers = [0.0, -0.5, 0.00025, 0.0001, 0.000_02, 1e-8, 1.25e-7, 1024.0];
        assert_eq!(numbers.map(exact), ["0", "-0.5", "0.00025", "0.0001", "2e-5", "1e-8", "1.25e-7", "1024"]);
    }

    #[test]
    fn percentages_do_not_claim_perfection() {
        assert_eq!(percent(0.9876), "98.8%");
        assert_eq!(percent(0.9999), "99.9%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.0001), "0.1%");
        assert_eq!(percent(f64::NAN), "–");
    }

    #[test]
    fn probabilities_claim_neither_certainty_nor_impossibility() {
        assert_eq!([0.0, 0.0004, 0.0005, 0.5].map(probability), ["<0.1%", "<0.1%", "0.1%", "50.0%"]);
        assert_eq!([0.9994, 0.9995, 1.0, f64::NAN].map(probability), ["99.9%", ">99.9%", ">99.9%", "–"]);
    }

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!(figure(2.312_6), "2.31");
        assert_eq!(figure(0.043_21), "0.0432");
        assert_eq!(figure(0.000_25), "0.00025");
        assert_eq!(figure(0.000_123_4), "0.000123");
        assert_eq!(figure(0.000_012), "1.2e-5");
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(12_345.6), "12346");
        assert_eq!(figure(4_595_837_235_345_523_998_720.0), "4.60e21");
        assert_eq!(figure(f64::INFINITY), "–");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(9_630_610), "9.6 MB");
        assert_eq!(bytes(11_266_055), "11 MB");
        assert_eq!(byte_rate(3_140_000.0), "3.1 MB/s");
        assert_eq!(byte_rate(f64::NAN), "0 B/s");
        assert_eq!(short_count(62_006), "62 k");
        let chinese = |number| short_count_in(Language::Chinese, number);
        assert_eq!([610_000, 4_321, 99_949_999, 150_000_000].map(chinese), ["61 万", "4321", "9995 万", "1.5 亿"]);
        assert_eq!((short_count(999_499), short_count(999_500)), ("999 k".into(), "1.0 M".into()));
    }

    #[test]
    fn clocks_count_on() {
        assert_eq!(clock(7_400.0), "0:07");
        assert_eq!(clock(205_000.0), "3:25");
        assert_eq!(clock(3_723_000.0), "1:02:03");
        assert_eq!(clock(f64::NAN), "0:00");
    }
}
