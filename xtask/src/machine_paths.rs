//! Paths of the build machine: kept out of what the compiler writes, and searched for in what is shipped.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use memchr::memmem;
use walkdir::WalkDir;

use crate::places::Places;

/// Flags that make the compiler write `burn-flex-0.22.1/src/…` into panics, without its location on this machine. `generated` is where build
/// scripts write, `library` the source of the compiler's standard library.
///
/// The clone is not included. Cargo compiles its crates by paths relative to it, and with its own path in the flags a second clone would
/// compile every dependency again.
pub fn remap_flags(generated: &Path, library: &Path) -> Vec<String> {
    let sources = package_sources().into_iter().map(|folder| (folder, ""));
    let others = [(generated.to_owned(), "target"), (library.to_owned(), "rust")];
    sources
        .chain(others)
        .filter_map(|(folder, name)| Some(format!("--remap-path-prefix={}={name}", folder.to_str()?)))
        .collect()
}

/// The folders in which cargo unpacks packages: one for each registry, and one for git dependencies.
fn package_sources() -> Vec<PathBuf> {
    let Some(cargo_home) = cargo_home() else { return Vec::new() };
    let registries = fs::read_dir(cargo_home.join("registry").join("src")).into_iter().flatten().flatten();
    let mut folders: Vec<_> = registries.map(|entry| entry.path()).collect();
    // Sorted, because flags in another order would be another build.
    folders.sort();
    folders.push(cargo_home.join("git").join("checkouts"));
    folders
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(dirs::home_dir()?.join(".cargo")))
}

/// Fails if a file in `folder` contains a path of this machine.
pub fn refuse(folder: &Path, places: &Places) -> Result<()> {
    let own = [Some(places.root.clone()), Some(places.cache.clone()), Some(places.host_target.clone())];
    let machine: Vec<_> = own.into_iter().chain([cargo_home(), dirs::home_dir()]).flatten().collect();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        if let Some(path) = find(&fs::read(entry.path())?, &machine) {
            bail!(
                "{} names {path}, a path of this machine: compare the flags of xtask/src/machine_paths.rs",
                entry.path().display()
            );
        }
    }
    Ok(())
}

/// The first path inside one of `folders` that occurs in `content`, with either separator. Only a path whose next component exists counts:
/// with a clone in `/src`, `kindling/src/page.rs` is not one.
fn find(content: &[u8], folders: &[PathBuf]) -> Option<String> {
    folders.iter().find_map(|folder| {
        let folder_text = folder.to_str()?;
        // As on Unix, which some tools also write on Windows; as on Windows; and as on Windows, escaped in JSON or a script's string.
        ["/", "\\", "\\\\"].iter().find_map(|separator| {
            let prefix = folder_text.replace(std::path::MAIN_SEPARATOR, separator) + *separator;
            memmem::find_iter(content, &prefix).find_map(|start| {
                let rest = content.get(start + prefix.len()..)?;
                let part = text(rest, |byte| !matches!(byte, b'/' | b'\\'));
                let path = text(content.get(start..)?, |_| true);
                (!part.is_empty() && folder.join(part).exists()).then_some(path)
            })
        })
    })
}

/// The prefix of `bytes` that can belong to a path, at most 300 bytes.
fn text(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> String {
    let bytes = bytes.iter().copied();
    bytes
        .take_while(|&byte| byte.is_ascii_graphic() && byte != b'"' && is_part(byte))
        .map(char::from)
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what the scan finds in `content`, in which `HERE` stands for a folder with a package in it.
    fn check(content: &str, separator: &str, expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("registry")).unwrap();
        let here = folder.path().to_str().unwrap().replace(std::path::MAIN_SEPARATOR, separator);
        let content = content.replace("HERE", &here);
        let found = find(content.as_bytes(), &[folder.path().to_owned()]);
        assert_eq!(found, expected.map(|path| path.replace("HERE", &here)));
    }

    #[test]
    fn a_path_of_the_machine_is_found() {
        check("\0overflowHERE/registry/a-1.0.0/src/lib.rs\0", "/", Some("HERE/registry/a-1.0.0/src/lib.rs"));
        check(r#"{"file":"HERE\\registry\\a.rs"}"#, r"\\", Some(r"HERE\\registry\\a.rs"));
        check(r"atHERE\registry", r"\", Some(r"HERE\registry"));
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        check("HERE/nowhere/lib.rs", "/", None);
        check("HERE", "/", None);
        check("registry/a-1.0.0/src/lib.rs", "/", None);
        check("HERE/nowhere/lib.rs and HERE/registry/lib.rs", "/", Some("HERE/registry/lib.rs"));
    }

    #[test]
    fn a_file_that_names_the_clone_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("clone");
        let dist = root.join("dist");
        fs::create_dir_all(&dist).unwrap();
        let places = Places {
            wasm_target: root.join("target/wasm"),
            host_target: root.join("target"),
            cache: folder.path().join("cache"),
            dist: dist.clone(),
            root,
        };
        fs::write(dist.join("fine.js"), "at src/page/mod.rs").unwrap();
        refuse(&dist, &places).unwrap();
        fs::write(dist.join("broken.js"), format!("at {}", dist.display())).unwrap();
        let error = refuse(&dist, &places).unwrap_err().to_string();
        assert!(error.contains("broken.js") && error.contains(&dist.display().to_string()), "{error}");
    }

    #[test]
    fn flags_name_folders_once_and_in_order() {
        let flags = remap_flags(Path::new("/target"), Path::new("/library"));
        assert!(flags.contains(&"--remap-path-prefix=/target=target".to_owned()), "{flags:?}");
        assert!(flags.contains(&"--remap-path-prefix=/library=rust".to_owned()), "{flags:?}");
        assert_eq!(flags, remap_flags(Path::new("/target"), Path::new("/library")));
    }
}
