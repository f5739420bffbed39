//! Entry point; everything else is library.

fn main() {}
