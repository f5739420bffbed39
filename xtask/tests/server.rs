//! The static file server: mounts, MIME types, path traversal, and faults on request.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::TempDir;
use xtask::server::{Fault, Isolation, Server, ServerConfig};

const IMAGES: &[u8] = &[7; 300_000];

#[test]
fn files_have_the_types_that_browsers_insist_on() {
    let (_folder, server) = serve("/");
    for (path, kind) in [
        ("/", "text/html"),
        ("/load.js", "text/javascript"),
        ("/engine_cpu_bg.wasm", "application/wasm"),
        ("/style.css", "text/css"),
        ("/datasets/mnist/dataset.json", "application/json"),
    ] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with(kind), "{path}: {}", answer.header("content-type"));
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
    // Compressed files stay compressed: the page checks and unpacks them itself.
    let images = get(&server, "/datasets/mnist/images.gz");
    assert_eq!(images.header("content-encoding"), "");
    assert_eq!(images.body, IMAGES);
}

#[test]
fn a_sub_path_is_the_only_way_in() {
    let (_folder, server) = serve("some/sub/path");
    assert!(server.url().ends_with("/some/sub/path/"), "{}", server.url());
    assert_eq!(get(&server, "/some/sub/path/load.js").status, 200);
    assert_eq!(get(&server, "/some/sub/path").header("location"), "/some/sub/path/");
    assert_eq!(get(&server, "/load.js").status, 404);
    assert_eq!(get(&server, "/").status, 404);
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let (folder, server) = serve("/app/");
    fs::write(folder.path().join("secret"), "secret").unwrap();
    for path in [
        "/app/../secret",
        "/app/%2e%2e/secret",
        "/app/..%2fsecret",
        "/app/%2e%2e%2fsecret",
        "/app/datasets/../../secret",
        "/app/..\\secret",
        "/app/..%5csecret",
        "/app//../secret",
    ] {
        let answer = get(&server, path);
        assert!(answer.status >= 400, "{path}: {}", answer.status);
        assert!(!answer.body.windows(6).any(|bytes| bytes == b"secret"), "{path}");
    }
    let absolute = format!("/app/{}", folder.path().join("secret").display());
    assert!(get(&server, &absolute).status >= 400);
}

#[test]
fn requests_are_remembered_in_order() {
    let (_folder, server) = serve("/");
    get(&server, "/load.js?js=engine_cpu.js&digest=1");
    get(&server, "/absent");
    assert_eq!(server.requests(), ["/load.js?js=engine_cpu.js&digest=1", "/absent"]);
}

#[test]
fn a_cut_download_ends_early_and_the_next_one_is_whole() {
    let (_folder, server) = serve("/");
    server.spoil("images.gz", Fault::Cut { after_bytes: 100_000 }, Some(1));
    let cut = get(&server, "/datasets/mnist/images.gz");
    assert_eq!(cut.header("content-length"), "300000");
    assert_eq!(cut.body.len(), 100_000);
    assert_eq!(get(&server, "/datasets/mnist/images.gz").body, IMAGES);
}

#[test]
fn a_refused_file_comes_after_so_many_tries() {
    let (_folder, server) = serve("/");
    server.spoil("images.gz", Fault::Status(503), Some(2));
    let statuses = [(); 3].map(|()| get(&server, "/datasets/mnist/images.gz").status);
    assert_eq!(statuses, [503, 503, 200]);
}

#[test]
fn a_corrupt_file_differs_in_one_byte_until_healed() {
    let (_folder, server) = serve("/");
    server.spoil("images.gz", Fault::Corrupt { offset_bytes: 200_000 }, None);
    for _ in 0..2 {
        let body = get(&server, "/datasets/mnist/images.gz").body;
        let changed: Vec<usize> = (0..body.len()).filter(|&at| body[at] != IMAGES[at]).collect();
        assert_eq!((body.len(), changed), (IMAGES.len(), vec![200_000]));
    }
    assert_eq!(get(&server, "/load.js").status, 200);
    server.heal();
    assert_eq!(get(&server, "/datasets/mnist/images.gz").body, IMAGES);
}

#[test]
fn a_stalled_download_sends_its_beginning_and_stays_open() {
    let (_folder, server) = serve("/");
    server.spoil("images.gz", Fault::Stall { after_bytes: 50_000 }, Some(1));
    let mut connection = ask(&server, "/datasets/mnist/images.gz");
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut bytes = Vec::new();
    // A timeout, not the end of the response.
    assert!(connection.read_to_end(&mut bytes).is_err());
    assert_eq!(Answer::parse(&bytes).body.len(), 50_000);
}

#[test]
fn a_script_with_other_text_arrives_whole_and_only_where_the_text_stands() {
    let (_folder, server) = serve("/");
    server.spoil("load.js", Fault::Replace { from: "load".into(), to: "something longer".into() }, Some(1));
    let replaced = get(&server, "/load.js");
    assert_eq!(String::from_utf8_lossy(&replaced.body), "something longer.js");
    assert_eq!(replaced.header("content-type"), get(&server, "/load.js").header("content-type"));

    server.spoil("load.js", Fault::Replace { from: "text that is not there".into(), to: String::new() }, Some(1));
    assert_eq!(get(&server, "/load.js").status, 500);
    assert_eq!(get(&server, "/load.js").status, 200);
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let (_folder, server) = serve("/");
    let modified = get(&server, "/load.js").header("last-modified");
    let again = get_with(&server, "/load.js", &format!("If-Modified-Since: {modified}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn every_file_isolates_the_page_unless_the_host_is_plain() {
    for (isolation, expected) in [(Isolation::Headers, ["same-origin", "require-corp"]), (Isolation::Absent, ["", ""])]
    {
        let (_folder, server) = serve_with("/", isolation);
        for path in ["/", "/load.js", "/absent"] {
            let answer = get(&server, path);
            let headers = ["cross-origin-opener-policy", "cross-origin-embedder-policy"];
            assert_eq!(headers.map(|name| answer.header(name)), expected, "{path}");
        }
    }
}

#[test]
fn a_taken_port_is_an_error() {
    let (folder, server) = serve("/");
    let port = server.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let config =
        ServerConfig { folder: folder.path().to_owned(), mount: "/".to_owned(), port, isolation: Isolation::Absent };
    assert_eq!(Server::start(config).err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
}

fn serve(mount: &str) -> (TempDir, Server) {
    serve_with(mount, Isolation::Headers)
}

fn serve_with(mount: &str, isolation: Isolation) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let dataset = site.join("datasets").join("mnist");
    fs::create_dir_all(&dataset).unwrap();
    for name in ["index.html", "load.js", "engine_cpu_bg.wasm", "style.css"] {
        fs::write(site.join(name), name).unwrap();
    }
    fs::write(dataset.join("dataset.json"), "{}").unwrap();
    fs::write(dataset.join("images.gz"), IMAGES).unwrap();
    let server = Server::start(ServerConfig { folder: site, mount: mount.to_owned(), port: 0, isolation }).unwrap();
    (folder, server)
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[split + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).unwrap_or_default()
    }
}

fn get(server: &Server, path: &str) -> Answer {
    get_with(server, path, "")
}

fn get_with(server: &Server, path: &str, headers: &str) -> Answer {
    let mut bytes = Vec::new();
    // A broken connection is also an answer: the bytes before it count.
    send(server, path, headers).read_to_end(&mut bytes).ok();
    Answer::parse(&bytes)
}

fn ask(server: &Server, path: &str) -> TcpStream {
    send(server, path, "")
}

/// Sends the path as it is, as no browser would.
fn send(server: &Server, path: &str, headers: &str) -> TcpStream {
    let address = server.url();
    let port: u16 = address["http://localhost:".len()..].split('/').next().unwrap().parse().unwrap();
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
    connection
}
