//! Starts the worker that exports; all other code is in the library.

fn main() {
    kindling::exporter::start();
}
