//! Runs other programs. An error says in one sentence what to do about a program that is missing or fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow, bail};

/// Runs a program with its output on the terminal. `remedy` ends the error message.
pub fn run(command: &mut Command, remedy: &str) -> Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`{}` failed ({status}): {remedy}", line(command)),
        Err(error) => bail!("`{program}` could not be started ({error}): {remedy}"),
    }
}

/// A program's trimmed output; none if it is missing or fails.
pub fn read(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The path of a program: on PATH, or one of the places where installers put it.
pub fn find(program: &str, path: &OsStr, known_places: &[&str]) -> Option<PathBuf> {
    which::which_in(program, Some(path), ".")
        .ok()
        .or_else(|| known_places.iter().map(PathBuf::from).find(|place| place.is_file()))
}

/// A search path with these folders before those of `path`.
pub fn path_with(folders: &[PathBuf], path: &OsStr) -> Result<std::ffi::OsString> {
    let folders = folders.iter().cloned().chain(std::env::split_paths(path));
    std::env::join_paths(folders).map_err(|error| anyhow!("PATH cannot be extended ({error}): rename that folder"))
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_reported_with_its_remedy() {
        let error = run(&mut Command::new("no-such-program"), "install it").unwrap_err().to_string();
        assert!(error.contains("`no-such-program` could not be started") && error.ends_with("install it"), "{error}");
        assert_eq!(read(&mut Command::new("no-such-program")), None);
    }

    #[test]
    fn a_failing_program_is_reported_as_typed() {
        let error = run(Command::new("cargo").arg("--no-such-option"), "mend it").unwrap_err().to_string();
        assert!(error.contains("`cargo --no-such-option` failed") && error.ends_with("mend it"), "{error}");
    }
}
