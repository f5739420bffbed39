//! `cargo xtask dataset`: fetches a dataset that the project may not redistribute, and describes it for the page.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use flate2::read::GzDecoder;
use md5::Md5;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::build::hex;
use crate::places::Places;
use crate::process;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DatasetName {
    Cifar10,
}

/// An archive as its authors publish it.
struct Archive {
    /// Its folder under static/datasets/.
    id: &'static str,
    file: &'static str,
    url: &'static str,
    size_bytes: u64,
    md5: &'static str,
    sha256: &'static str,
}

/// The size as served, the MD5 as the dataset's page states it, the SHA-256 as TensorFlow Datasets records it.
const CIFAR10: Archive = Archive {
    id: "cifar10",
    file: "cifar-10-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    size_bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
};

const CIFAR10_NOTICE: &str = "\
CIFAR-10 was collected by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton.
Its page, https://www.cs.toronto.edu/~kriz/cifar.html, states no license and asks that work which uses it cites
Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009.
";

/// Puts the dataset under static/datasets/, where the next build picks it up. `from` is a local copy to use instead of a download.
pub fn fetch(places: &Places, name: DatasetName, from: Option<&Path>) -> Result<()> {
    let archive = match name {
        DatasetName::Cifar10 => CIFAR10,
    };
    let folder = places.root.join("static").join("datasets").join(archive.id);
    let target = folder.join(archive.file);
    if target.exists() && folder.join("dataset.json").exists() && archive.verify(&target).is_ok() {
        println!("dataset: {} is there, and whole", archive.file);
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let partial = folder.join(format!("{}.partial", archive.file));
    match from {
        Some(file) => {
            fs::copy(file, &partial)
                .with_context(|| format!("{} could not be read: check the path after --from", file.display()))?;
        }
        None => download(archive.url, &partial)?,
    }
    let unpacked = match archive.verify(&partial) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            fs::remove_file(&partial)?;
            return Err(error);
        }
    };
    fs::rename(&partial, &target)?;
    fs::write(folder.join("LICENSE"), CIFAR10_NOTICE)?;
    fs::write(
        folder.join("dataset.json"),
        serde_json::to_string_pretty(&describe_cifar10(&archive, &unpacked))? + "\n",
    )?;
    println!(
        "dataset: {} is there, its size and both its digests as published; the next build serves it",
        archive.file
    );
    Ok(())
}

fn download(url: &str, file: &Path) -> Result<()> {
    println!("dataset: downloading {url}");
    process::run(
        // Resumes a download that was interrupted earlier.
        Command::new("curl")
            .args(["--fail", "--location", "--retry", "3", "--continue-at", "-", "--progress-bar", "--output"])
            .arg(file)
            .arg(url),
        "try again later, or download it otherwise and name it with --from FILE",
    )
}

/// Size and SHA-256 of the archive without its gzip, because some hosts decompress it in transit.
#[derive(Debug)]
struct Unpacked {
    size_bytes: u64,
    sha256: String,
}

impl Archive {
    /// Checks a file's size and digests, and returns those of its unpacked content.
    fn verify(&self, file: &Path) -> Result<Unpacked> {
        let mut md5 = Md5::new();
        let mut sha256 = Sha256::new();
        let size_bytes = read_all(File::open(file)?, |chunk| {
            md5.update(chunk);
            sha256.update(chunk);
        })?;
        if size_bytes != self.size_bytes {
            bail!("{} has {size_bytes} bytes instead of {}: fetch it again", self.file, self.size_bytes);
        }
        for (digest, found, expected) in
            [("MD5", hex(&md5.finalize()), self.md5), ("SHA-256", hex(&sha256.finalize()), self.sha256)]
        {
            if found != expected {
                bail!("{} has the {digest} {found} instead of {expected}: fetch it again", self.file);
            }
        }
        let mut unpacked = Sha256::new();
        let size_bytes = read_all(GzDecoder::new(File::open(file)?), |chunk| unpacked.update(chunk))?;
        Ok(Unpacked { size_bytes, sha256: hex(&unpacked.finalize()) })
    }
}

fn read_all(source: impl Read, mut each_chunk: impl FnMut(&[u8])) -> Result<u64> {
    let mut source = BufReader::new(source);
    let mut chunk = vec![0; 1 << 20];
    let mut size_bytes = 0;
    loop {
        let length = source.read(&mut chunk)?;
        if length == 0 {
            return Ok(size_bytes);
        }
        each_chunk(&chunk[..length]);
        size_bytes += length as u64;
    }
}

/// The description that `crates/core/src/dataset/served.rs` reads.
fn describe_cifar10(archive: &Archive, unpacked: &Unpacked) -> serde_json::Value {
    json!({
        "id": archive.id,
        "name": "CIFAR-10",
        "classes": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        "shape": { "channels": 3, "height": 32, "width": 32 },
        "counts": { "train": 50_000, "test": 10_000 },
        "files": [{
            "name": archive.file,
            "bytes": archive.size_bytes,
            "sha256": archive.sha256,
            "unpacked": { "bytes": unpacked.size_bytes, "sha256": unpacked.sha256 },
        }],
        "license": { "name": "none stated", "file": "LICENSE" },
        "credit": "Alex Krizhevsky, Vinod Nair, Geoffrey Hinton",
        "source": format!("The official archive, {}.", archive.url),
        "homepage": "https://www.cs.toronto.edu/~kriz/cifar.html",
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A small archive, and a folder that holds it.
    fn packed(content: &[u8]) -> (tempfile::TempDir, Archive, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("small.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        let bytes = encoder.finish().unwrap();
        fs::write(&file, &bytes).unwrap();
        let leak = |digest: String| &*digest.leak();
        let archive = Archive {
            id: "small",
            file: "small.gz",
            url: "",
            size_bytes: bytes.len() as u64,
            md5: leak(hex(&Md5::digest(&bytes))),
            sha256: leak(hex(&Sha256::digest(&bytes))),
        };
        (folder, archive, file)
    }

    #[test]
    fn a_whole_archive_is_accepted_and_measured_unpacked() {
        let (_folder, archive, file) = packed(b"some images");
        let unpacked = archive.verify(&file).unwrap();
        assert_eq!(unpacked.size_bytes, 11);
        assert_eq!(unpacked.sha256, hex(&Sha256::digest(b"some images")));
    }

    #[test]
    fn a_cut_or_changed_archive_is_refused() {
        let (_folder, archive, file) = packed(b"some images");
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert!(archive.verify(&file).unwrap_err().to_string().contains("MD5"));
        fs::write(&file, &bytes[..last]).unwrap();
        assert!(archive.verify(&file).unwrap_err().to_string().contains("bytes instead of"));
    }
}
