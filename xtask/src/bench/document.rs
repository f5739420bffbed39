//! BENCHMARKS.md: the measured part between two marks, with a section for each measurement, and around it text written by hand.

use crate::drive::Result;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// One measurement's part of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub title: &'static str,
    pub text: String,
}

/// The document with these sections in place of those with the same titles. The measured part then has the sections of `titles`, in
/// that order, if they were ever measured; everything else is unchanged.
pub fn with_sections(document: &str, titles: &[&str], new: &[Section]) -> Result<String> {
    let missing = || format!("BENCHMARKS.md lacks the marks {BEGIN} and {END} on lines of their own: put them back");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (measured, after) = rest.split_once(END).ok_or_else(missing)?;
    let old = |title: &str| {
        let sections = format!("\n{measured}");
        let of_title =
            sections.split("\n## ").find_map(|it| it.strip_prefix(title)?.strip_prefix('\n').map(str::to_owned));
        of_title.map(|text| text.trim().to_owned())
    };
    let text = |title: &str| match new.iter().find(|section| section.title == title) {
        Some(section) => Some(section.text.trim().to_owned()),
        None => old(title),
    };
    let sections: String =
        titles.iter().filter_map(|title| Some(format!("## {title}\n\n{}\n\n", text(title)?))).collect();
    Ok(format!("{before}{BEGIN}\n\n{sections}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 3] = ["Sizes", "Time per step", "Time per step, natively"];

    fn section(title: &'static str, text: &str) -> Section {
        Section { title, text: text.to_owned() }
    }

    #[test]
    fn sections_take_their_places_and_the_others_stay() {
        let document = format!("# Title\n\n{BEGIN}\nold\n{END}\n\n## By hand\n");
        let document = with_sections(&document, &TITLES, &[section(TITLES[2], "20 ms\n")]).unwrap();
        assert_eq!(document, format!("# Title\n\n{BEGIN}\n\n## {}\n\n20 ms\n\n{END}\n\n## By hand\n", TITLES[2]));
        let both =
            with_sections(&document, &TITLES, &[section(TITLES[1], "30 ms"), section(TITLES[0], "1 KB")]).unwrap();
        let expected = format!(
            "# Title\n\n{BEGIN}\n\n## Sizes\n\n1 KB\n\n## Time per step\n\n30 ms\n\n## Time per step, natively\n\n20 ms\n\n\
             {END}\n\n## By hand\n"
        );
        assert_eq!(both, expected);
        assert_eq!(with_sections(&both, &TITLES, &[section(TITLES[0], "1 KB")]).unwrap(), both);
    }

    #[test]
    fn a_document_without_marks_is_refused() {
        for document in ["# Title", BEGIN, &format!("{END}\n{BEGIN}")] {
            assert!(with_sections(document, &TITLES, &[]).unwrap_err().to_string().contains("put them back"));
        }
    }
}
