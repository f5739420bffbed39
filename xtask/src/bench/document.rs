//! BENCHMARKS.md: the measured part between two marks, and around it what people wrote.

use crate::drive::Result;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// The document with a new measured part; all else stays as it is.
pub fn replace_measured(document: &str, measured: &str) -> Result<String> {
    let missing = || format!("BENCHMARKS.md lacks the marks {BEGIN} and {END} on lines of their own: put them back");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", measured.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = format!("# Title\n\n{BEGIN}\nold\n{END}\n\n## By hand\n");
        let new = replace_measured(&document, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\n## By hand\n"));
        assert_eq!(replace_measured(&new, "new").unwrap(), new);
    }

    #[test]
    fn a_document_without_marks_is_refused() {
        for document in ["# Title", BEGIN, &format!("{END}\n{BEGIN}")] {
            assert!(replace_measured(document, "new").unwrap_err().to_string().contains("put them back"));
        }
    }
}
